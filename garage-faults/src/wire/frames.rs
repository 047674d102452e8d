//! AMQP 0-9-1's frames, as far as a wire must tell them apart: where each ends, and whether it is `basic.ack`. Between
//! a client and a server that method means two things: to the server a consumer is done, to the client a publish is safe.

/// Before the frames a client greets with these many bytes.
const GREETING: usize = 8;
/// Type, channel and size before the payload; the mark after it.
const HEAD: usize = 7;
const METHOD: u8 = 1;
/// Class `basic`, method `ack`.
const ACK: [u8; 4] = [0, 60, 0, 80];

/// One direction of one connection; keeps what is not whole yet.
pub struct Frames {
    held: Vec<u8>,
    greeting: usize,
}

impl Frames {
    /// From the beginning of a connection, as the client or the server speaks.
    #[must_use]
    pub fn new(of_the_client: bool) -> Self {
        Self { held: Vec::new(), greeting: if of_the_client { GREETING } else { 0 } }
    }

    /// What may pass now of what came, and how many acknowledgements were kept back.
    pub fn pass(&mut self, bytes: &[u8], without_acks: bool) -> (Vec<u8>, usize) {
        self.held.extend_from_slice(bytes);
        let (mut kept, mut swallowed, mut at) = (Vec::new(), 0, 0);
        if self.held.len() >= self.greeting {
            at = std::mem::take(&mut self.greeting);
            kept.extend_from_slice(&self.held[..at]);
        }
        while self.greeting == 0
            && let Some(length) = frame(&self.held[at..])
        {
            let frame = &self.held[at..at + length];
            if without_acks && is_ack(frame) {
                swallowed += 1;
            } else {
                kept.extend_from_slice(frame);
            }
            at += length;
        }
        self.held.drain(..at);
        (kept, swallowed)
    }
}

/// The length of the whole frame that begins here.
fn frame(bytes: &[u8]) -> Option<usize> {
    let size = u32::from_be_bytes(bytes.get(3..HEAD)?.try_into().ok()?);
    let length = HEAD + usize::try_from(size).ok()? + 1;
    (bytes.len() >= length).then_some(length)
}

fn is_ack(frame: &[u8]) -> bool {
    frame[0] == METHOD && frame[HEAD..].starts_with(&ACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(payload: &[u8]) -> Vec<u8> {
        let size = u8::try_from(payload.len()).unwrap();
        [&[1, 0, 1, 0, 0, 0, size], payload, &[0xCE]].concat()
    }

    #[test]
    fn acknowledgements_alone_are_kept_back_wherever_the_bytes_are_split() {
        let (ack, deliver) = (method(&[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0]), method(&[0, 60, 0, 60, 9]));
        let said = [&b"AMQP\0\0\x09\x01"[..], &deliver, &ack, &deliver].concat();
        for split in 0..said.len() {
            let mut frames = Frames::new(true);
            let (mut kept, first) = frames.pass(&said[..split], true);
            let (rest, second) = frames.pass(&said[split..], true);
            kept.extend(rest);
            assert_eq!((kept, first + second), ([&b"AMQP\0\0\x09\x01"[..], &deliver, &deliver].concat(), 1));
        }
    }

    #[test]
    fn all_else_passes_as_it_came() {
        let said = [method(&[0, 60, 0, 80, 1]), method(&[0, 10, 0, 10])].concat();
        assert_eq!(Frames::new(false).pass(&said, false), (said, 0));
    }
}
