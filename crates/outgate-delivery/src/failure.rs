//! Why an attempt came to nothing before any recipient was spoken of.

use outgate_core::{FailureClass, NetworkPath, Reply};
use outgate_queue::Outcome;

/// What holds for every recipient of a parcel alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Whether it can ever be otherwise (law 9).
    pub(crate) permanent: bool,
    pub(crate) class: FailureClass,
    pub(crate) reply: Option<Reply>,
    pub(crate) reason: String,
    /// How far it got.
    pub(crate) path: Box<NetworkPath>,
}

/// Octets of a reason. Some of it is other people's words: a server's certificate, a host's name.
const REASON: usize = 1_024;

/// The words that came from outside, as far as there is room for them.
pub(crate) fn within_reason(mut words: String) -> String {
    if words.len() > REASON {
        words.truncate(words.floor_char_boundary(REASON));
        words.push_str(" …");
        words.shrink_to_fit();
    }
    words
}

impl Failure {
    pub(crate) fn temporary(class: FailureClass, reason: impl Into<String>) -> Self {
        Self {
            permanent: false,
            class,
            reply: None,
            reason: within_reason(reason.into()),
            path: Box::default(),
        }
    }

    pub(crate) fn permanent(class: FailureClass, reason: impl Into<String>) -> Self {
        Self { permanent: true, ..Self::temporary(class, reason) }
    }

    pub(crate) fn at(self, path: NetworkPath) -> Self {
        Self { path: Box::new(path), ..self }
    }

    /// Of two ways that failed, the one to be told of: what is temporary outlasts what is permanent, because it
    /// decides; of equals the later.
    pub(crate) fn or(self, earlier: Option<Self>) -> Self {
        match earlier {
            Some(earlier) if self.permanent && !earlier.permanent => earlier,
            _ => self,
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let (class, reply, reason) = (self.class, self.reply.clone(), self.reason.clone());
        if self.permanent {
            Outcome::Failed { class, reply, reason }
        } else {
            Outcome::Deferred { class, reply, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_a_limit() {
        assert_eq!(within_reason("short".to_owned()), "short");
        let long = Failure::temporary(FailureClass::Tls, "ä".repeat(REASON)).reason;
        assert_eq!(long, "ä".repeat(REASON / 2) + " …");
        let odd = Failure::permanent(FailureClass::Tls, format!("x{}", "ä".repeat(REASON))).reason;
        assert!(odd.len() <= REASON + 4);
    }
}
