//! How much of a reply is kept.

use outgate_core::Reply;

/// Octets of a reply's text that are kept, a line's end counted as CR LF. What is said at length is said in the first
/// few lines; a hostile server that says [`super::ReplyReader::LIMIT`] to each of a thousand recipients fills no disk.
pub(super) const KEPT: usize = 2_048;
/// CR LF.
const LINE_END: usize = 2;

/// A reply with as much of its text as is kept, and a mark where it was cut.
pub(super) fn shortened(mut reply: Reply) -> Reply {
    let mut room = KEPT;
    let cut = reply.lines.iter().position(|line| {
        let left = room.checked_sub(line.len() + LINE_END);
        room = left.unwrap_or(room);
        left.is_none()
    });
    let Some(cut) = cut else { return reply };
    let rest = reply.lines.split_off(cut);
    let octets: usize = rest.iter().map(|line| line.len() + LINE_END).sum();
    let first = rest.first().map_or("", String::as_str);
    let kept = &first[..first.floor_char_boundary(room)];
    reply.lines.push(format!("{kept} … {} octets more", octets - kept.len()));
    reply.lines.shrink_to_fit();
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Conversation, Settings, StartTls, Step};
    use proptest::prelude::*;

    fn reply(lines: &[&str]) -> Reply {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Reply { code: 550, enhanced: Some((5, 1, 1)), lines }
    }

    #[test]
    fn long_replies_are_cut_and_marked() {
        let (most, long) = ("x".repeat(KEPT - 2), "x".repeat(KEPT * 2));
        let half = "ä".repeat(KEPT / 4);
        for (lines, expected) in [
            (vec!["no", "such user"], vec!["no".to_owned(), "such user".to_owned()]),
            (vec![most.as_str()], vec![most.clone()]),
            (vec![most.as_str(), ""], vec![most.clone(), " … 2 octets more".to_owned()]),
            (vec![long.as_str()], vec![format!("{} … 2050 octets more", "x".repeat(KEPT))]),
            (
                vec!["a", half.as_str(), half.as_str(), "b"],
                vec!["a".to_owned(), half.clone(), format!("{} … 11 octets more", "ä".repeat(KEPT / 4 - 3))],
            ),
        ] {
            let short = shortened(reply(&lines));
            assert_eq!((short.code, short.enhanced), (550, Some((5, 1, 1))));
            assert_eq!(short.lines, expected);
        }
    }

    /// A server that has much to say for itself keeps what it offers.
    #[test]
    fn offers_are_read_to_their_end() {
        let name = "out.example.net".parse().unwrap();
        let settings = Settings { name, starttls: StartTls::Never, credentials: None };
        let mut conversation = Conversation::new(settings, false);
        conversation.receive(b"220 hello\r\n");
        assert!(matches!(conversation.step(), Step::Send(_)));
        let chatter = "250-X-CHATTER\r\n".repeat(500);
        conversation.receive(format!("250-mx\r\n{chatter}250 PIPELINING\r\n").as_bytes());
        assert!(matches!(conversation.step(), Step::Ready));
        assert!(conversation.offered().pipelining);
        let kept: usize = conversation.hello().unwrap().lines.iter().map(String::len).sum();
        assert!(kept <= KEPT + 40, "{kept}");
    }

    proptest! {
        #[test]
        fn whatever_is_said_little_is_kept(lines in proptest::collection::vec("\\PC{0,400}", 1..40)) {
            let short = shortened(Reply { code: 250, enhanced: None, lines: lines.clone() });
            let octets: usize = short.lines.iter().map(|line| line.len() + LINE_END).sum();
            prop_assert!(octets <= KEPT + 40);
            prop_assert_eq!(&shortened(short.clone()).code, &short.code);
            let whole: usize = lines.iter().map(|line| line.len() + LINE_END).sum();
            prop_assert_eq!(short.lines == lines, whole <= KEPT);
        }
    }
}
