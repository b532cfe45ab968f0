//! Where a stream can be cut so that its reader sees whole messages only.
//!
//! Looks at bytes on their way through and keeps none. Event streams: WHATWG HTML §9.2.6; gRPC: the length-prefixed messages
//! of its protocol over HTTP/2.

/// Follows an event stream: an event ends with an empty line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    /// Line ends in a row, up to two: two make an empty line.
    line_ends: u8,
    is_after_return: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self { line_ends: 2, is_after_return: false }
    }
}

impl Events {
    /// True between two events.
    pub(crate) fn is_between(self) -> bool {
        self.line_ends == 2
    }

    /// Follows the stream over these bytes. Only the last few of them matter.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        let start = bytes.len().saturating_sub(4);
        if start > 0 {
            *self = Self { line_ends: 0, is_after_return: false };
        }
        self.take(bytes.get(start..).unwrap_or_default(), |_| false);
    }

    /// Follows the stream to the first place between two events, and returns how many bytes that took; all of them when
    /// there is none.
    pub(crate) fn pass_to_end_of_event(&mut self, bytes: &[u8]) -> usize {
        self.take(bytes, |events| events.is_between())
    }

    fn take(&mut self, bytes: &[u8], is_enough: impl Fn(&Self) -> bool) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                // The second half of one line end.
                b'\n' if self.is_after_return => {}
                b'\n' | b'\r' => self.line_ends = (self.line_ends + 1).min(2),
                _ => self.line_ends = 0,
            }
            self.is_after_return = *byte == b'\r';
            if is_enough(self) {
                return index + 1;
            }
        }
        bytes.len()
    }
}

/// Follows gRPC messages: a flag, four bytes of length, and so many bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Messages {
    prefix: [u8; 5],
    prefix_length: usize,
    /// Bytes of the message still to come.
    left: u64,
}

impl Messages {
    /// True between two messages.
    pub(crate) fn is_between(&self) -> bool {
        self.left == 0 && self.prefix_length == 0
    }

    /// Follows the stream over these bytes.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.step(rest);
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Follows the stream to the first place between two messages, and returns how many bytes that took; all of them
    /// when there is none.
    pub(crate) fn pass_to_end_of_message(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while passed < bytes.len() {
            passed += self.step(bytes.get(passed..).unwrap_or_default());
            if self.is_between() {
                break;
            }
        }
        passed
    }

    /// Goes on within one message; returns how many bytes were looked at, at least one.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.left > 0 {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= skipped as u64;
            return skipped;
        }
        let (Some(place), Some(byte)) = (self.prefix.get_mut(self.prefix_length), bytes.first()) else { return 1 };
        *place = *byte;
        self.prefix_length += 1;
        if self.prefix_length == self.prefix.len() {
            let [_, length @ ..] = self.prefix;
            self.left = u64::from(u32::from_be_bytes(length));
            self.prefix_length = 0;
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(text: &str, expected: bool) {
        let mut events = Events::default();
        events.pass(text.as_bytes());
        assert_eq!(events.is_between(), expected, "{text:?}");
    }

    #[test]
    fn events_end_with_an_empty_line() {
        for whole in
            ["", "data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", "data: a\n\r\n", "a\r\n\n", ":\n\n\n\n", "\n\n"]
        {
            events(whole, true);
        }
        for part in ["data: a", "data: a\n", "data: a\r\n", "data: a\r", "\n\nd", "data: a\n\nb\n", "a\r\n\r\nb\r\n"] {
            events(part, false);
        }
    }

    fn messages(bytes: &[u8], expected: bool) {
        let mut messages = Messages::default();
        messages.pass(bytes);
        assert_eq!(messages.is_between(), expected, "{bytes:?}");
    }

    #[test]
    fn messages_are_as_long_as_they_say() {
        for whole in [b"".as_slice(), b"\0\0\0\0\0", b"\0\0\0\0\x02ab", b"\0\0\0\0\0\x01\0\0\0\x01x"] {
            messages(whole, true);
        }
        for part in [b"\0".as_slice(), b"\0\0\0\0", b"\0\0\0\0\x02a", b"\0\0\0\0\0\0", b"\0\xff\xff\xff\xffx"] {
            messages(part, false);
        }
    }

    /// Passes a stream in two parts, and cuts the second at the first place where it may be cut.
    fn cut(bytes: &[u8], at: usize, pass: &mut dyn FnMut(&[u8]), to_end: &mut dyn FnMut(&[u8]) -> usize) -> usize {
        let (first, second) = bytes.split_at(at.min(bytes.len()));
        pass(first);
        first.len() + to_end(second)
    }

    proptest! {
        #[test]
        fn an_event_stream_is_cut_where_the_whole_stream_would_be(
            text in "[\n\r:ab]{0,40}", at in 0_usize..40, step in 1_usize..7
        ) {
            let bytes = text.as_bytes();
            let (mut in_parts, mut at_once) = (Events::default(), Events::default());
            for part in bytes.chunks(step) {
                in_parts.pass(part);
            }
            at_once.pass(bytes);
            prop_assert_eq!(in_parts.is_between(), at_once.is_between());
            let events = std::cell::RefCell::new(Events::default());
            let end = cut(bytes, at, &mut |bytes| events.borrow_mut().pass(bytes), &mut |bytes| {
                events.borrow_mut().pass_to_end_of_event(bytes)
            });
            let mut whole = Events::default();
            whole.pass(&bytes[..end]);
            prop_assert!(end == bytes.len() || whole.is_between());
        }

        #[test]
        fn grpc_messages_are_cut_where_one_ends(
            lengths in prop::collection::vec(0_u8..9, 0..6), at in 0_usize..60, step in 1_usize..7
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for length in lengths {
                bytes.extend_from_slice(&[0, 0, 0, 0, length]);
                bytes.resize(bytes.len() + usize::from(length), b'x');
                ends.push(bytes.len());
            }
            let mut in_parts = Messages::default();
            for part in bytes.chunks(step) {
                in_parts.pass(part);
            }
            prop_assert!(in_parts.is_between());
            let messages = std::cell::RefCell::new(Messages::default());
            let end = cut(&bytes, at, &mut |bytes| messages.borrow_mut().pass(bytes), &mut |bytes| {
                messages.borrow_mut().pass_to_end_of_message(bytes)
            });
            prop_assert!(ends.contains(&end), "{} {:?}", end, ends);
        }
    }
}
