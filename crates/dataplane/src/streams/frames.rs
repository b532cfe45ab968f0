//! The frames of a WebSocket, as far as one has to know them to end it between two (RFC 6455 §5.2).
//!
//! Looks at headers on their way through; keeps, checks and changes no payload.

/// Who sends the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A client: every frame is masked.
    Client,
    /// A server.
    Server,
}

/// What stops a WebSocket, as a close frame says it (RFC 6455 §7.4.1).
pub(crate) const GOING_AWAY: u16 = 1001;
pub(crate) const PROTOCOL_ERROR: u16 = 1002;
pub(crate) const POLICY_VIOLATION: u16 = 1008;

const IS_MASKED: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const CLOSE: u8 = 0x8;
/// In place of a length: it follows, in two bytes or in eight.
const MEDIUM: u8 = 0x7e;
const LONG: u8 = 0x7f;
const MASK_LENGTH: u64 = 4;
/// The longest part of a header that says how long a frame is.
const LONGEST_LENGTH: usize = 10;

/// Follows the frames of one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frames {
    sender: Sender,
    header: [u8; LONGEST_LENGTH],
    header_length: usize,
    /// Bytes of the frame still to come.
    left: u64,
    has_close: bool,
}

/// How much of some bytes may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passable {
    /// So many; what is left over needs to be longer before one can tell.
    Bytes(usize),
    /// None: no such sender sends this.
    Nothing,
}

impl Frames {
    pub(crate) fn from(sender: Sender) -> Self {
        Self { sender, header: [0; LONGEST_LENGTH], header_length: 0, left: 0, has_close: false }
    }

    /// True between two frames.
    pub(crate) fn is_between(&self) -> bool {
        self.left == 0 && self.header_length == 0
    }

    /// True once the sender has said that it sends no more.
    pub(crate) fn has_close(&self) -> bool {
        self.has_close && self.is_between()
    }

    /// Follows the frames over these bytes.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.step(rest);
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Returns how many of the bytes belong to the frame that has begun.
    pub(crate) fn rest_of_frame(mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while passed < bytes.len() && !self.is_between() {
            passed += self.step(bytes.get(passed..).unwrap_or_default());
        }
        passed
    }

    /// Returns how many of the bytes may pass: a client's frames are masked (RFC 6455 §5.1), and nothing else passes in
    /// their place.
    pub(crate) fn passable(mut self, bytes: &[u8]) -> Passable {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            if self.is_between() && self.sender == Sender::Client {
                match rest {
                    [_] => break,
                    [_, length, ..] if length & IS_MASKED == 0 && passed == 0 => return Passable::Nothing,
                    [_, length, ..] if length & IS_MASKED == 0 => break,
                    _ => {}
                }
            }
            passed += self.step(rest);
        }
        Passable::Bytes(passed)
    }

    /// Goes on within one frame; returns how many bytes were looked at, at least one.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.left > 0 {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= skipped as u64;
            return skipped;
        }
        let (Some(place), Some(byte)) = (self.header.get_mut(self.header_length), bytes.first()) else { return 1 };
        *place = *byte;
        self.header_length += 1;
        if let Some(length) = self.length() {
            let [first, second, ..] = self.header;
            let mask = if second & IS_MASKED == 0 { 0 } else { MASK_LENGTH };
            self.left = length.saturating_add(mask);
            self.has_close |= first & OPCODE == CLOSE;
            self.header_length = 0;
        }
        1
    }

    /// Returns the payload's length, once it is known.
    fn length(&self) -> Option<u64> {
        let [_, second, extended @ ..] = self.header;
        let [high, low, ..] = extended;
        match (second & !IS_MASKED, self.header_length) {
            (_, 0 | 1) => None,
            (MEDIUM, 4) => Some(u64::from(u16::from_be_bytes([high, low]))),
            (LONG, LONGEST_LENGTH) => Some(u64::from_be_bytes(extended)),
            (MEDIUM | LONG, _) => None,
            (short, _) => Some(u64::from(short)),
        }
    }
}

/// Makes a close frame; `mask` is a client's.
pub(crate) fn close_frame(code: u16, reason: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    // A control frame has at most 125 bytes; no reason of ours is as long.
    let payload: Vec<u8> = code.to_be_bytes().into_iter().chain(reason.bytes()).take(125).collect();
    let length = u8::try_from(payload.len()).unwrap_or_default();
    let mut frame = vec![0x80 | CLOSE, length | if mask.is_some() { IS_MASKED } else { 0 }];
    frame.extend(mask.into_iter().flatten());
    let mask = mask.unwrap_or_default();
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, length: usize, mask: Option<[u8; 4]>) -> Vec<u8> {
        let is_masked = if mask.is_some() { IS_MASKED } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 => frame.push(is_masked | u8::try_from(length).unwrap()),
            126..=0xffff => {
                frame.push(is_masked | MEDIUM);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(is_masked | LONG);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(mask.into_iter().flatten());
        frame.resize(frame.len() + length, b'x');
        frame
    }

    #[test]
    fn frames_of_every_length_end_where_they_end() {
        for length in [1, 125, 126, 127, 0xffff, 0x1_0000, 100_000] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let frame = frame(2, length, mask);
                let mut frames = Frames::from(Sender::Server);
                frames.pass(&frame[..frame.len() - 1]);
                assert!(!frames.is_between(), "{length} {mask:?}");
                assert_eq!(frames.rest_of_frame(b"xyz"), 1);
                frames.pass(b"x");
                assert!(frames.is_between() && !frames.has_close(), "{length} {mask:?}");
            }
        }
    }

    #[test]
    fn a_close_frame_is_noticed_when_it_is_whole() {
        let close = close_frame(POLICY_VIOLATION, "because", Some([9, 8, 7, 6]));
        let mut frames = Frames::from(Sender::Client);
        frames.pass(&close[..close.len() - 1]);
        assert!(!frames.has_close());
        frames.pass(&close[close.len() - 1..]);
        assert!(frames.has_close());
        assert_eq!(close_frame(GOING_AWAY, "ab", None), b"\x88\x04\x03\xe9ab");
        assert_eq!(close_frame(GOING_AWAY, "", Some([1, 1, 1, 1])), b"\x88\x82\x01\x01\x01\x01\x02\xe8");
    }

    fn passable(bytes: &[u8], expected: Passable) {
        assert_eq!(Frames::from(Sender::Client).passable(bytes), expected, "{bytes:?}");
    }

    #[test]
    fn nothing_passes_from_a_client_that_is_no_masked_frame() {
        let good = frame(1, 3, Some([1, 2, 3, 4]));
        passable(b"GET /admin HTTP/1.1\r\n\r\n", Passable::Nothing);
        passable(b"G", Passable::Bytes(0));
        passable(&frame(1, 3, None), Passable::Nothing);
        passable(&[good.as_slice(), b"GET /"].concat(), Passable::Bytes(good.len()));
        passable(&[good.as_slice(), b"G"].concat(), Passable::Bytes(good.len()));
        passable(&[good.as_slice(), &good[..5]].concat(), Passable::Bytes(good.len() + 5));
        assert_eq!(Frames::from(Sender::Server).passable(b"GET"), Passable::Bytes(3));
    }

    proptest! {
        #[test]
        fn frames_are_followed_in_parts_of_any_size(
            lengths in prop::collection::vec(0_usize..300, 1..6), step in 1_usize..50, cut in 0_usize..1000
        ) {
            let mask = Some([1, 2, 3, 4]);
            let frames: Vec<Vec<u8>> = lengths.iter().map(|length| frame(1, *length, mask)).collect();
            let bytes = frames.concat();
            let mut followed = Frames::from(Sender::Client);
            for part in bytes.chunks(step) {
                prop_assert_ne!(Frames::from(Sender::Client).passable(&bytes), Passable::Nothing);
                followed.pass(part);
            }
            prop_assert!(followed.is_between());
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let mut followed = Frames::from(Sender::Client);
            followed.pass(first);
            let end = first.len() + followed.rest_of_frame(second);
            let mut ends = frames.iter().scan(0, |sum, frame| { *sum += frame.len(); Some(*sum) });
            prop_assert!(end == 0 || ends.any(|known| known == end), "{end}");
        }
    }
}
