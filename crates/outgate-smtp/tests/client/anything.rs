//! Servers that say anything at all.

use crate::{begin, settings};
use outgate_smtp::client::{Conversation, StartTls, Step, Verdict};
use proptest::prelude::*;

/// Something like what servers say, and something like what they never should.
fn utterance() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("250 ok\r\n".to_owned()),
        2 => Just("354 go\r\n".to_owned()),
        1 => Just("220 go\r\n".to_owned()),
        1 => Just("334 more\r\n".to_owned()),
        1 => Just("235 in\r\n".to_owned()),
        1 => Just("250-mx\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n".to_owned()),
        1 => "[2-5][0-9]{2}[- ][a-z]{0,3}\r\n",
        1 => "\\PC{0,5}\r?\n?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever a server says, and however it is cut, the conversation ends, and takes nobody's word for a message
    /// whose final dot was not sent.
    #[test]
    fn no_server_can_hang_or_fool_it(
        said in proptest::collection::vec(utterance(), 0..20),
        starttls in prop_oneof![Just(StartTls::Never), Just(StartTls::WhenOffered), Just(StartTls::Always)],
        credentials in any::<bool>(),
        secured in any::<bool>(),
        whole in any::<bool>(),
    ) {
        let mut conversation = Conversation::new(settings(starttls, credentials), secured);
        let mut said = said.into_iter();
        let (mut dots, mut transactions, mut results) = (0, 0, 0);
        for _ in 0..500 {
            match conversation.step() {
                Step::Send(bytes) => {
                    let text = String::from_utf8(bytes).unwrap();
                    prop_assert!(text.ends_with("\r\n"));
                    prop_assert!(text.split("\r\n").all(|line| !line.contains(['\r', '\n'])));
                }
                Step::NeedInput(_) => match said.next() {
                    Some(bytes) => conversation.receive(bytes.as_bytes()),
                    None => conversation.lost(),
                },
                Step::StartTls => conversation.tls_started(),
                Step::Ready if transactions < 3 => {
                    transactions += 1;
                    if begin(&mut conversation, &["a@example.org", "b@example.org"], 9).is_err() {
                        results += 1;
                    }
                }
                Step::Ready => conversation.quit(),
                Step::Content => {
                    dots += usize::from(whole);
                    conversation.content_sent(whole);
                }
                Step::Finished(verdicts) => {
                    results += 1;
                    prop_assert_eq!(verdicts.len(), 2);
                    let taken = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Taken(_)));
                    prop_assert!(!taken || (whole && dots > 0));
                    dots = 0;
                }
                Step::Close(_) => {
                    prop_assert_eq!(results, transactions);
                    return Ok(());
                }
            }
        }
        prop_assert!(false, "it never ended");
    }
}
