//! A server's replies are the same however its bytes are cut.
#![no_main]

use outgate_smtp::client::{ReplyError, ReplyReader};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = read([bytes].into_iter());
    let single = read(bytes.chunks(1));
    assert_eq!(whole, single);
});

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, Option<ReplyError>) {
    let mut reader = ReplyReader::default();
    let mut replies = Vec::new();
    for piece in pieces {
        reader.receive(piece);
        loop {
            match reader.next_reply() {
                Ok(Some(reply)) => replies.push(reply.to_string()),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}
