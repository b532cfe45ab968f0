//! One audit line, byte by byte: no formatting machinery, no allocation of its own.
//!
//! Texts are escaped so that no line can forge another one or move a terminal's cursor: quotes, backslashes, and every
//! control character of both control blocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;

use crate::exchange::{Ending, Record};

/// Writes one line, its end included.
pub(super) fn write(line: &mut Vec<u8>, record: &Record, seconds: &mut Seconds) {
    line.extend_from_slice(br#"{"time":""#);
    seconds.write(line, record.started);
    line.extend_from_slice(br#"","requestId":""#);
    escape(line, record.request_id.to_str().unwrap_or_default());
    line.extend_from_slice(br#"","method":""#);
    escape(line, record.method.as_str());
    line.push(b'"');
    if let Some(operation) = &record.facts.operation {
        text(line, r#","api":""#, operation.api());
        text(line, r#","operation":""#, operation.operation());
    }
    number(line, r#","status":"#, record.status.map_or(0, |status: StatusCode| u64::from(status.as_u16())));
    text(line, r#","outcome":""#, outcome(record));
    number(line, r#","revision":"#, record.facts.revision);
    if let Some(user) = &record.facts.user {
        text(line, r#","user":""#, user);
    }
    write_jwts(line, record);
    number(line, r#","requestBytes":"#, record.request_bytes);
    number(line, r#","responseBytes":"#, record.response_bytes);
    write_steps(line, record);
    line.extend_from_slice(b"}\n");
}

fn outcome(record: &Record) -> &'static str {
    match (record.code, record.ending) {
        (Some(code), _) => code,
        (None, Ending::Complete) => "answered",
        (None, Ending::BrokeOff) => "broke_off",
        (None, Ending::Abandoned) => "abandoned",
    }
}

fn write_jwts(line: &mut Vec<u8>, record: &Record) {
    if record.facts.jwts.is_empty() {
        return;
    }
    line.extend_from_slice(br#","jwts":["#);
    for (index, jwt) in record.facts.jwts.iter().enumerate() {
        line.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        line.extend_from_slice(jwt.as_bytes());
        line.push(b'}');
    }
    line.push(b']');
}

/// Writes the time per step, in microseconds.
fn write_steps(line: &mut Vec<u8>, record: &Record) {
    let facts = &record.facts;
    number(line, r#","micros":{"route":"#, micros(facts.route));
    number(line, r#","authenticate":"#, micros(facts.authenticate));
    number(line, r#","issue":"#, micros(facts.issue));
    if let (Some(decided), Some(answered)) = (record.decided, record.answered) {
        number(line, r#","backend":"#, micros(answered.saturating_sub(decided)));
    }
    number(line, r#","total":"#, micros(record.ended));
    line.push(b'}');
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn number(line: &mut Vec<u8>, name: &str, number: u64) {
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn text(line: &mut Vec<u8>, opening: &str, text: &str) {
    line.extend_from_slice(opening.as_bytes());
    escape(line, text);
    line.push(b'"');
}

/// Writes the inside of a JSON string.
pub(crate) fn escape(line: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(is_plain) {
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
        line.extend_from_slice(&self.text);
        line.push(b'.');
        padded(line, u64::from(since.subsec_micros()), 100_000);
        line.push(b'Z');
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
    use http::{HeaderValue, Method};
    use proptest::prelude::*;

    use super::*;
    use crate::decision::{Facts, OperationName};

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

    fn line(record: &Record) -> serde_json::Value {
        let mut line = Vec::new();
        write(&mut line, record, &mut Seconds::default());
        assert_eq!(line.split(|byte| *byte == b'\n').count(), 2);
        serde_json::from_slice(&line).unwrap()
    }

    fn record(facts: Facts) -> Record {
        Record {
            request_id: HeaderValue::from_static("r1"),
            method: Method::GET,
            facts,
            status: Some(StatusCode::OK),
            code: None,
            ending: Ending::Complete,
            request_bytes: 1,
            response_bytes: 2,
            started: UNIX_EPOCH,
            decided: Some(Duration::from_micros(10)),
            answered: Some(Duration::from_micros(30)),
            ended: Duration::from_micros(40),
        }
    }

    #[test]
    fn a_line_tells_everything_and_no_value() {
        let facts = Facts {
            operation: Some(OperationName::Named("orders".into(), "GET /orders/{id}".into())),
            user: Some("ab12".into()),
            jwts: vec![r#""kid":"k","jti":"j""#.into(), r#""kid":"l""#.into()],
            revision: 7,
            route: Duration::from_micros(1),
            ..Facts::default()
        };
        let expected = serde_json::json!({
            "time": "1970-01-01T00:00:00.000000Z", "requestId": "r1", "method": "GET", "api": "orders",
            "operation": "GET /orders/{id}", "status": 200, "outcome": "answered", "revision": 7, "user": "ab12",
            "jwts": [{"kid": "k", "jti": "j"}, {"kid": "l"}], "requestBytes": 1, "responseBytes": 2,
            "micros": {"route": 1, "authenticate": 0, "issue": 0, "backend": 20, "total": 40},
        });
        assert_eq!(line(&record(facts)), expected);
    }

    proptest! {
        #[test]
        fn no_text_can_break_a_line(name in any::<String>()) {
            let facts = Facts { operation: Some(OperationName::Named(name.as_str().into(), "x".into())), ..Facts::default() };
            prop_assert_eq!(&line(&record(facts))["api"], &serde_json::Value::from(name));
        }

        #[test]
        fn escaped_text_has_no_control_character(name in any::<String>()) {
            let mut escaped = Vec::new();
            escape(&mut escaped, &name);
            prop_assert!(!String::from_utf8(escaped).unwrap().chars().any(char::is_control));
        }
    }
}
