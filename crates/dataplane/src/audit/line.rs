//! One audit line, byte by byte: no formatting machinery, no allocation of its own.
//!
//! Texts are escaped so that no line can forge another one or move a terminal's cursor: quotes, backslashes, and every
//! control character of both control blocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway::Steps;
use http::{Method, StatusCode};

use crate::exchange::{Ending, Record};

/// The names of an API and its operation and the published revision, as a line has them: escaped once, not for each
/// request.
#[derive(Debug)]
pub(crate) struct OperationText(Box<[u8]>);

impl OperationText {
    pub(crate) fn new(api: &str, operation: &str, revision: u64) -> Self {
        let mut text = Vec::new();
        escaped(&mut text, b",\"api\":\"", api);
        escaped(&mut text, b",\"operation\":\"", operation);
        number(&mut text, b",\"revision\":", revision);
        Self(text.into())
    }
}

/// Writes one line, its end included.
///
/// Request ids, methods, codes and user hashes are written as they are: nothing in them needs to be escaped.
pub(super) fn write(line: &mut Vec<u8>, record: &Record, operation: Option<&OperationText>, seconds: &mut Seconds) {
    line.reserve(512);
    line.extend_from_slice(b"{\"time\":\"");
    seconds.write(line, record.started);
    line.extend_from_slice(b"\",\"requestId\":\"");
    write_known::<32>(line, record.request_id.as_bytes());
    write_method(line, &record.method);
    match operation {
        Some(OperationText(text)) => line.extend_from_slice(text),
        None => number(line, b",\"revision\":", record.told.revision()),
    }
    line.extend_from_slice(b",\"status\":");
    write_known::<3>(line, record.status.as_ref().map_or("0", StatusCode::as_str).as_bytes());
    write_outcome(line, record);
    if let Some(user) = record.told.user() {
        line.extend_from_slice(b",\"user\":\"");
        line.extend_from_slice(user.as_bytes());
        line.push(b'"');
    }
    if let Some(kind) = record.stream {
        for (opening, text) in
            [(b",\"stream\":\"".as_slice(), kind.text()), (b",\"ended\":\"".as_slice(), record.ending.by().text())]
        {
            line.extend_from_slice(opening);
            line.extend_from_slice(text.as_bytes());
            line.push(b'"');
        }
    }
    write_jwts(line, record);
    if record.attempts > 1 {
        number(line, b",\"attempts\":", u64::from(record.attempts));
    }
    if record.request_bytes == 0 {
        line.extend_from_slice(b",\"requestBytes\":0");
    } else {
        number(line, b",\"requestBytes\":", record.request_bytes);
    }
    number(line, b",\"responseBytes\":", record.response_bytes);
    write_steps(line, record);
    line.extend_from_slice(b"}\n");
}

/// Writes a text that is nearly always of this length: one copy of a size that the compiler knows.
#[inline]
fn write_known<const LENGTH: usize>(line: &mut Vec<u8>, text: &[u8]) {
    match <&[u8; LENGTH]>::try_from(text) {
        Ok(text) => line.extend_from_slice(text),
        Err(_) => line.extend_from_slice(text),
    }
}

fn write_method(line: &mut Vec<u8>, method: &Method) {
    if *method == Method::GET {
        line.extend_from_slice(b"\",\"method\":\"GET\"");
        return;
    }
    line.extend_from_slice(b"\",\"method\":\"");
    line.extend_from_slice(method.as_str().as_bytes());
    line.push(b'"');
}

fn write_outcome(line: &mut Vec<u8>, record: &Record) {
    if record.code.is_none() && record.ending == Ending::Complete {
        line.extend_from_slice(b",\"outcome\":\"answered\"");
        return;
    }
    line.extend_from_slice(b",\"outcome\":\"");
    line.extend_from_slice(outcome(record).as_bytes());
    line.push(b'"');
}

fn outcome(record: &Record) -> &'static str {
    match (record.code, record.ending) {
        (Some(code), _) => code,
        (None, Ending::Complete | Ending::Left) => "answered",
        (None, Ending::BrokeOff) => "broke_off",
        (None, Ending::Abandoned) => "abandoned",
        (None, Ending::HandedOver) => "allowed",
        (None, Ending::Ended(cause)) => cause.text(),
    }
}

fn write_jwts(line: &mut Vec<u8>, record: &Record) {
    if !record.told.has_jwt() {
        return;
    }
    record.told.write_jwts(line, b",\"jwts\":[{", b"},{");
    line.extend_from_slice(b"}]");
}

/// Writes the time per step, in microseconds; 0 for what came from a cache.
fn write_steps(line: &mut Vec<u8>, record: &Record) {
    let Steps { authenticate, issue } = record.told.steps();
    let mut slow = Duration::ZERO;
    if authenticate.is_zero() && issue.is_zero() {
        line.extend_from_slice(b",\"micros\":{\"authenticate\":0,\"issue\":0");
    } else {
        slow = authenticate + issue;
        number(line, b",\"micros\":{\"authenticate\":", micros(authenticate));
        number(line, b",\"issue\":", micros(issue));
    }
    if let Some(answered) = record.answered {
        number(line, b",\"backend\":", micros(answered.saturating_sub(slow)));
    }
    number(line, b",\"total\":", micros(record.ended));
    line.push(b'}');
}

fn micros(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(duration.subsec_micros()))
}

#[inline]
fn number<const LENGTH: usize>(line: &mut Vec<u8>, opening: &[u8; LENGTH], number: u64) {
    line.extend_from_slice(opening);
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn escaped(line: &mut Vec<u8>, opening: &[u8], text: &str) {
    line.extend_from_slice(opening);
    escape(line, text);
    line.push(b'"');
}

/// Writes the inside of a JSON string.
pub(crate) fn escape(line: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
    // Without an early end the compiler looks at many bytes at a time.
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    for letter in text.chars() {
        match letter {
            '"' => line.extend_from_slice(br#"\""#),
            '\\' => line.extend_from_slice(br"\\"),
            letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => {
                line.extend_from_slice(br"\u");
                let code = u32::from(letter);
                for shift in [12, 8, 4, 0] {
                    line.push(hexadecimal(code >> shift));
                }
            }
            letter => line.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn hexadecimal(nibble: u32) -> u8 {
    match (nibble & 0xf) as u8 {
        digit @ 0..=9 => b'0' + digit,
        letter => b'a' + (letter - 10),
    }
}

/// The text of the last second seen: dates are computed once a second.
#[derive(Debug, Default)]
pub(crate) struct Seconds {
    second: Option<u64>,
    text: Vec<u8>,
}

impl Seconds {
    /// Writes a time as RFC 3339 in UTC, to the microsecond.
    pub(crate) fn write(&mut self, line: &mut Vec<u8>, time: SystemTime) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.second != Some(since.as_secs()) {
            self.second = Some(since.as_secs());
            self.text.clear();
            write_second(&mut self.text, since.as_secs());
        }
        write_known::<19>(line, &self.text);
        let micros = since.subsec_micros();
        let digit = |place: u32| b'0' + (micros / place % 10) as u8;
        line.extend_from_slice(&[
            b'.',
            digit(100_000),
            digit(10_000),
            digit(1_000),
            digit(100),
            digit(10),
            digit(1),
            b'Z',
        ]);
    }
}

fn write_second(text: &mut Vec<u8>, second: u64) {
    let (year, month, day) = civil(second / 86_400);
    padded(text, year, 1000);
    for (separator, part) in
        [(b'-', month), (b'-', day), (b'T', second / 3600 % 24), (b':', second / 60 % 60), (b':', second % 60)]
    {
        text.push(separator);
        padded(text, part, 10);
    }
}

/// Returns year, month and day of a day since 1970, by eras of 400 years that begin in March.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day_of_month)
}

/// Writes a number with leading zeros; `highest` is the value of its first digit's place.
fn padded(text: &mut Vec<u8>, number: u64, highest: u64) {
    let mut place = highest;
    while place > 0 {
        text.push(b'0' + (number / place % 10) as u8);
        place /= 10;
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::decision::{Facts, Told};

    fn at(seconds: u64, micros: u64) -> String {
        let mut line = Vec::new();
        Seconds::default().write(&mut line, UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros));
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_782_400, 5), "2000-02-29T00:00:00.000005Z");
        assert_eq!(at(1_795_458_367, 123_456), "2026-11-23T18:26:07.123456Z");
        assert_eq!(at(4_102_444_799, 999_999), "2099-12-31T23:59:59.999999Z");
    }

    fn line(record: &Record, api: &str, operation: &str) -> serde_json::Value {
        let mut line = Vec::new();
        write(
            &mut line,
            record,
            Some(&OperationText::new(api, operation, record.told.revision())),
            &mut Seconds::default(),
        );
        assert_eq!(line.split(|byte| *byte == b'\n').count(), 2);
        serde_json::from_slice(&line).unwrap()
    }

    fn record(facts: Facts) -> Record {
        Record {
            request_id: HeaderValue::from_static("r1"),
            method: Method::GET,
            told: Told::Facts(Box::new(facts)),
            status: Some(StatusCode::OK),
            code: None,
            ending: Ending::Complete,
            stream: None,
            request_bytes: 1,
            response_bytes: 2,
            started: UNIX_EPOCH,
            answered: Some(Duration::from_micros(30)),
            ended: Duration::from_micros(40),
            attempts: 1,
        }
    }

    #[test]
    fn a_line_tells_everything_and_no_value() {
        let facts = Facts {
            user: Some("ab12".into()),
            jwts: vec![r#""kid":"k","jti":"j""#.into(), r#""kid":"l""#.into()],
            revision: 7,
            steps: Steps { authenticate: Duration::from_micros(10), ..Steps::default() },
            ..Facts::default()
        };
        let expected = serde_json::json!({
            "time": "1970-01-01T00:00:00.000000Z", "requestId": "r1", "method": "GET", "api": "orders",
            "operation": "GET /orders/{id}", "status": 200, "outcome": "answered", "revision": 7, "user": "ab12",
            "jwts": [{"kid": "k", "jti": "j"}, {"kid": "l"}], "requestBytes": 1, "responseBytes": 2,
            "micros": {"authenticate": 10, "issue": 0, "backend": 20, "total": 40},
        });
        assert_eq!(line(&record(facts), "orders", "GET /orders/{id}"), expected);
    }

    proptest! {
        #[test]
        fn no_text_can_break_a_line(name in any::<String>()) {
            let line = line(&record(Facts::default()), &name, &name);
            prop_assert_eq!(&line["api"], &serde_json::Value::from(name.as_str()));
            prop_assert_eq!(&line["operation"], &serde_json::Value::from(name));
        }

        #[test]
        fn escaped_text_has_no_control_character(name in any::<String>()) {
            let mut escaped = Vec::new();
            escape(&mut escaped, &name);
            prop_assert!(!String::from_utf8(escaped).unwrap().chars().any(char::is_control));
        }
    }
}
