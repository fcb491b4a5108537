//! Every refusal that a client can hear, one row each. `docs/refusals.md` is made from here.

use super::Row;

/// A row: name (and what it tells), reply code, enhanced code, short code; what the client hears; what it means; what
/// to do about it.
macro_rules! refusals {
    ($($group:literal {$(
        $name:ident $({ $field:ident: $type:ty = $sample:literal, $told:literal })?
        $code:literal $enhanced:literal $short:literal
        $text:literal
        $meaning:literal
        $remedy:literal;
    )+})+) => {
        /// Why a client is refused.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Refusal {$($(
            #[doc = concat!("`", stringify!($code), " ", $enhanced, " [", $short, "]`: ", $meaning)]
            $name $({
                #[doc = $told]
                $field: $type,
            })?,
        )+)+}

        impl Refusal {
            /// One of each kind, in the catalogue's order; what they tell is made up.
            pub fn all() -> Vec<Self> {
                vec![$($( Self::$name $({ $field: $sample.into() })?, )+)+]
            }

            /// How many kinds there are.
            pub(super) const KINDS: usize = [$($($short,)+)+].len();

            pub(super) fn row(&self) -> &'static Row {
                match self {$($(
                    Self::$name { .. } => &Row {
                        kind: Kind::$name as usize, group: $group, code: $code, enhanced: $enhanced, short: $short,
                        text: $text, meaning: $meaning, remedy: $remedy,
                    },
                )+)+}
            }

            /// What the text's `{}` stands for.
            pub(super) fn detail(&self) -> Option<String> {
                match self {$($(
                    Self::$name $({ $field })? => None$(.or_else(|| Some($field.to_string())))?,
                )+)+}
            }
        }

        /// The kinds, numbered in the catalogue's order.
        enum Kind {$($( $name, )+)+}
    };
}

refusals! {
    "Signing in" {
        BadCredentials 535 "5.7.8" "bad-credentials"
            "Username or password not accepted; check both, or reset the password"
            "The username is unknown, the password is wrong, or the SMTP user is disabled; which of them is never told."
            "Compare the application's settings with the credentials that were shown once; `outgate user reset USERNAME` makes a new password.";
        SignInThrottled 454 "4.7.0" "sign-in-throttled"
            "Too many failed sign-ins; wait some minutes and check the password"
            "Too many sign-ins failed from this address or with this username of late; this one was not judged."
            "Correct the password in the application and wait; an application that signed in from elsewhere is not locked out.";
        SignInBusy 454 "4.7.0" "sign-in-busy"
            "Too many sign-ins at once; try again in a moment"
            "More passwords wait to be verified than the relay verifies in reasonable time."
            "The application tries again by itself; keep connections open over several messages; see `[auth] max_concurrent_hashes`.";
        SignInUnavailable 454 "4.7.0" "sign-in-unavailable"
            "Sign-in is not possible right now; try again later"
            "The relay's store did not answer; the password was not judged."
            "Look at the relay's log and disk.";
        AuthorizationId 535 "5.7.8" "authorization-id"
            "Acting for another user is not possible; leave the authorization identity empty"
            "The PLAIN response names an authorization identity other than the username (RFC 4616)."
            "Leave the authorization identity empty in the application's settings.";
        SignInCancelled 501 "5.7.0" "sign-in-cancelled"
            "Sign-in cancelled as asked"
            "The client sent `*` in the middle of a sign-in (RFC 4954 §4)."
            "Nothing, unless the application was not meant to give up.";
        BadBase64 501 "5.5.2" "bad-base64"
            "That is not base64; encode the response without spaces or line breaks"
            "A response in a sign-in was not base64 (RFC 4954 §4)."
            "Encode the whole response as base64 with its padding; a tool that wraps long lines must not.";
        BadSignInFields 501 "5.5.2" "sign-in-fields"
            "The sign-in response is malformed; for PLAIN it is: identity NUL username NUL password"
            "The decoded response has too few or too many NUL characters, or the username is not UTF-8 (RFC 4616)."
            "Check for a stray line end or NUL behind the password in the application's settings.";
        AuthLineTooLong 500 "5.5.6" "sign-in-line-too-long"
            "That line is too long for a sign-in"
            "A response in a sign-in was longer than 12,288 octets (RFC 4954 §4)."
            "Usernames and passwords of Outgate are short; check what the application sends.";
        UnknownMechanism 504 "5.5.4" "unknown-mechanism"
            "Sign in with AUTH PLAIN or AUTH LOGIN"
            "The client asked for a mechanism that is not offered."
            "Set the application's authentication method to PLAIN or LOGIN.";
        TlsRequired 538 "5.7.11" "tls-required"
            "No sign-in without encryption; use STARTTLS first, or the port for implicit TLS"
            "The client tried to sign in on an unencrypted connection."
            "Switch STARTTLS on in the application, or use the implicit TLS port. If a password was sent in the clear, reset it.";
        AlreadySignedIn 503 "5.5.1" "already-signed-in"
            "Already signed in; open another connection to sign in as somebody else"
            "A second AUTH in one session (RFC 4954 §4)."
            "Sign in once a connection.";
        SignInDuringTransaction 503 "5.5.1" "sign-in-too-late"
            "Sign in before MAIL, or say RSET first"
            "AUTH in the middle of a transaction (RFC 4954 §4)."
            "Sign in before MAIL.";
        SignInFirst 530 "5.7.0" "sign-in-first"
            "Sign in first, with AUTH"
            "The client tried to send before it signed in (RFC 6409 §4.3)."
            "Give the application its username and password, and switch authentication on.";
        StartTlsFirst 530 "5.7.0" "starttls-first"
            "Say STARTTLS first, then sign in with AUTH"
            "The client tried to send on an unencrypted connection, where nobody can sign in."
            "Switch STARTTLS and authentication on in the application, or use the implicit TLS port.";
    }
    "Commands" {
        CommandTooLong 500 "5.5.2" "command-too-long"
            "That command line is too long"
            "A command line was longer than 4,096 octets; all of it was thrown away."
            "Check what the application sends; parameters belong into a line of at most 4,096 octets.";
        CommandNewline 500 "5.5.2" "command-newline"
            "A command ends with CR LF, and has neither CR nor LF inside"
            "A command line held a CR or LF of its own (RFC 5321 §2.3.8); all of it was thrown away."
            "Let the application end its lines with CR LF.";
        CommandNul 500 "5.5.2" "command-nul"
            "A command has no NUL characters"
            "A command line held a NUL character."
            "Check what the application sends: binary data, or text in UTF-16.";
        CommandNotUtf8 500 "5.5.2" "command-not-utf8"
            "That command is not UTF-8"
            "A command line was neither ASCII nor UTF-8 (RFC 6531 §3.3)."
            "Let the application send addresses as ASCII, or as UTF-8 with SMTPUTF8.";
        UnknownCommand 500 "5.5.1" "unknown-command"
            "No such command"
            "The line is no SMTP command."
            "Check what the application sends; often it is message data sent where commands are expected.";
        NotOffered 502 "5.5.1" "not-offered"
            "That command is not offered here"
            "The command is known to SMTP, and Outgate does not offer it on this port."
            "Use the commands that EHLO lists.";
        BadArgument 501 "5.5.4" "bad-argument"
            "That command's argument is missing, or it takes none"
            "A command came without its argument, or with one that it does not take (RFC 5321 §4.1.1)."
            "Correct the command.";
        BadClientName 501 "5.5.4" "client-name"
            "Say EHLO with a host name, such as EHLO client.example.com"
            "The name in EHLO or HELO is missing, longer than 255 characters, or has characters that no host name or address literal has."
            "Set the application's own host name (often called EHLO or HELO name).";
        HelloFirst 503 "5.5.1" "hello-first"
            "Say EHLO first"
            "A command came before EHLO or HELO (RFC 5321 §4.1.4)."
            "Let the application say EHLO first, also after STARTTLS.";
        TlsAlready 503 "5.5.1" "tls-already"
            "The connection is encrypted already"
            "STARTTLS inside TLS (RFC 3207 §4.2)."
            "On the implicit TLS port, switch STARTTLS off.";
        TooMuchDiscarded 421 "4.7.0" "too-much-discarded"
            "Too much came that is not taken; closing"
            "A refused message or an endless line is read to its end and thrown away, but not for ever: twice `[submission] max_message_bytes` once signed in, 65,536 octets of anything before."
            "Find why the message is refused: often it is far larger than EHLO's SIZE allows, or the application has not signed in.";
        TooManyErrors 421 "4.7.0" "too-many-errors"
            "Too many errors; closing"
            "The client made more errors than `[submission] max_errors` allows; refused recipients do not count."
            "Find the first refusal in the application's log, and correct that.";
    }
    "The envelope" {
        MailSyntax 501 "5.5.4" "mail-syntax"
            "Write MAIL FROM:<address>, with the angle brackets"
            "The MAIL command could not be read (RFC 5321 §4.1.1.2)."
            "Check how the application writes the sender.";
        RcptSyntax 501 "5.5.4" "rcpt-syntax"
            "Write RCPT TO:<address>, with the angle brackets"
            "The RCPT command could not be read (RFC 5321 §4.1.1.3)."
            "Check how the application writes recipients.";
        BadSender { why: String = "the part before the @ is empty", "What is wrong with it." } 501 "5.1.7" "sender-address"
            "The sender's address cannot be used: {}"
            "The address in MAIL FROM is no mail address with a full domain name."
            "Correct the sender (also called return path or envelope from) in the application.";
        BadRecipient { why: String = "the part before the @ is empty", "What is wrong with it." } 501 "5.1.3" "recipient-address"
            "The recipient's address cannot be used: {}"
            "The address in RCPT TO is no mail address with a full domain name."
            "Correct the recipient's address; other recipients of the same message are not touched by it.";
        BarePostmaster 501 "5.1.3" "recipient-postmaster"
            "Write postmaster with a domain, as in postmaster@example.com"
            "A recipient without a domain; Outgate has no mailboxes of its own here."
            "Write the full address.";
        Utf8Address 553 "5.6.7" "address-needs-smtputf8"
            "An address with non-ASCII characters needs SMTPUTF8 in MAIL"
            "An address in UTF-8 in a transaction that did not ask for SMTPUTF8 (RFC 6531 §3.5)."
            "Let the application use SMTPUTF8, or write the domain in its xn-- form.";
        SenderNotYours { allowed: String = "example.com", "What it may send as." } 550 "5.7.1" "sender-domain"
            "You may send only as addresses of {}: change the sender, or sign in as that domain's SMTP user"
            "The envelope's sender is not of the SMTP user's own domain, exactly; a subdomain is another domain."
            "Set the sender to an address of the domain, or make an SMTP user for the other domain.";
        DomainPending { domain: String = "example.com", "Which." } 550 "5.7.1" "domain-not-verified"
            "Nothing may be sent as {} yet: publish its DNS records, then have it checked"
            "The domain's DNS records were not seen yet, and no operator vouched for it."
            "`outgate domain records NAME` prints what to publish; `outgate domain check NAME` looks for it.";
        AccountSuspended 550 "5.7.1" "account-suspended"
            "The account is suspended; ask its administrator"
            "The account that owns the domain may not send."
            "Ask whoever runs the relay.";
        StaleRight 421 "4.7.0" "signed-out"
            "Your sign-in is no longer valid; connect and sign in again"
            "The SMTP user was reset, disabled or deleted since it signed in."
            "Give the application the new password; `outgate user show USERNAME` tells the user's state.";
        RecipientNotHere 550 "5.7.1" "recipient-not-here"
            "This address takes no mail here"
            "This port takes mail for its own addresses only, and relays nothing."
            "To send mail elsewhere, use the submission ports and sign in.";
        TooManyRecipients { limit: usize = 1000_usize, "How many it takes." } 452 "4.5.3" "too-many-recipients"
            "At most {} recipients a message; send it again to the others"
            "The message has more recipients than `[submission] max_recipients` (RFC 5321 §4.5.3.1.10)."
            "Let the application split the message; EHLO announces the limit as RCPTMAX.";
        UnknownParameter 555 "5.5.4" "unknown-parameter"
            "That parameter is not offered"
            "MAIL or RCPT carried a parameter that EHLO does not announce (RFC 5321 §4.1.1.11)."
            "Let the application use only what EHLO announces.";
        BadParameter 501 "5.5.4" "bad-parameter"
            "A parameter's value cannot be used, or it is there twice"
            "MAIL or RCPT carried a parameter with a wrong value, or twice."
            "Check the application's settings for delivery notifications.";
        BinaryMime 555 "5.5.4" "binarymime"
            "BINARYMIME is not offered; use BODY=8BITMIME"
            "MAIL carried BODY=BINARYMIME (RFC 3030), which is not announced."
            "Let the application encode binary parts as base64.";
        NestedMail 503 "5.5.1" "nested-mail"
            "One message at a time: finish this one, or say RSET"
            "MAIL in the middle of a transaction (RFC 5321 §4.1.4)."
            "Finish or reset the transaction first.";
        MailFirst 503 "5.5.1" "mail-first"
            "Say MAIL first"
            "RCPT, DATA or BDAT without MAIL (RFC 5321 §3.3)."
            "If MAIL was refused, correct the reason of that refusal.";
        RecipientFirst 503 "5.5.1" "recipient-first"
            "Say RCPT first"
            "DATA or BDAT without any RCPT (RFC 5321 §3.3)."
            "Give the message a recipient.";
        NoValidRecipients 554 "5.5.1" "no-valid-recipients"
            "No valid recipients"
            "DATA or BDAT after every recipient was refused (RFC 2920 §3.1)."
            "Correct the reason of the recipients' refusals.";
    }
    "The message" {
        TooLarge { limit: usize = 26_214_400_usize, "Octets it takes." } 552 "5.3.4" "message-too-large"
            "A message may have at most {} octets"
            "The message, or the SIZE that announced it, is over `[submission] max_message_bytes` (RFC 1870 §6)."
            "Send a link in place of the attachment, or raise the limit; base64 adds a third to an attachment's size.";
        BareNewline 550 "5.6.0" "bare-newline"
            "The message has a CR or LF of its own; lines end with CR LF"
            "A message with a bare CR or LF was read to its end and refused: other servers disagree on what such a character means, and that can be abused (RFC 5321 §2.3.8)."
            "Let the application end lines with CR LF; most mail libraries do when given text rather than bytes.";
        NulInMessage 550 "5.6.0" "message-nul"
            "The message has a NUL character; encode binary parts as base64"
            "A message with a NUL character was read to its end and refused."
            "Let the application encode binary parts.";
        LineTooLong { limit: usize = 65_536_usize, "Octets a line takes." } 550 "5.6.0" "line-too-long"
            "A line of the message is longer than {} octets; encode that part as quoted-printable or base64"
            "A line of the message is over `[submission] max_line_octets`."
            "Let the application encode the part with the long line (often HTML without line breaks) as quoted-printable or base64.";
        BadHeader { why: String = "the header has more than 4000 fields", "What is wrong with it." } 550 "5.6.0" "bad-header"
            "The message cannot be read: {}"
            "The message's header has a line that is not a header field, a line of nothing but white space, too many fields, or too many octets (RFC 5322 §2.2): readers disagree on where such a header ends and whom it names as author."
            "Look at the message's first lines as they are sent: a missing colon, a byte order mark, a `From ` line of an mbox file, a folded line without its white space, or no empty line before the text.";
        BadFrom 550 "5.6.0" "from-header"
            "The message needs exactly one From: field with a readable address"
            "There is no From: field, more than one, or one that cannot be read (RFC 5322 §3.6)."
            "Set the From: address in the application.";
        FromNotYours { allowed: String = "example.com", "What it may send as." } 550 "5.7.1" "from-domain"
            "From: and Sender: must be of {}: change them, or sign in as that domain's SMTP user"
            "An address in the message's From: or Sender: field is not of the SMTP user's own domain, exactly."
            "Set From: to an address of the domain; put other people's addresses into Reply-To:.";
        TooManyHops 554 "5.4.6" "mail-loop"
            "The message has passed too many servers; it goes in a circle"
            "The message has more than 100 Received: fields (RFC 5321 §6.3)."
            "Find the forwarding that sends it back to the relay.";
        ChunksBegun 503 "5.5.1" "chunks-begun"
            "The message has begun with BDAT; go on with BDAT, or say RSET"
            "RCPT or DATA between the chunks of a message (RFC 3030 §2)."
            "Send the whole message in chunks, or none of it.";
        BadChunk 501 "5.5.4" "chunk-syntax"
            "Write BDAT and the number of octets, then LAST for the last chunk"
            "The BDAT command could not be read (RFC 3030 §2)."
            "Correct the command.";
        ChunkUnreadable 501 "5.5.4" "chunk-size"
            "That is no size of a chunk; write BDAT and the number of octets; closing"
            "BDAT came without a number of octets that can be read exactly, so nobody can tell where the chunk ends and commands go on (RFC 3030 §2); the session was closed."
            "Correct the command: one space, the number in decimal digits, and LAST for the last chunk.";
        ChunkAfterRefusal 503 "5.5.1" "chunk-after-refusal"
            "An earlier chunk of the message was refused; begin again with MAIL"
            "A chunk that was under way when an earlier one was refused; it was read and thrown away (RFC 3030 §2)."
            "Correct the reason of the first refusal.";
    }
    "The relay" {
        StoreFull 452 "4.3.1" "store-full"
            "The relay's disk is nearly full; try again later"
            "Free disk space is below `[store] reserve_bytes`; nothing is taken until there is room again."
            "Make room; intake resumes by itself. Applications try again by themselves.";
        StoreUnavailable 451 "4.3.0" "store-unavailable"
            "The relay cannot keep the message right now; try again later"
            "The store did not answer, or its medium failed; the message was not kept."
            "Look at the relay's log and disk.";
        MemoryBudget 452 "4.3.1" "memory-budget"
            "Too many messages at once; try again in a moment"
            "All sessions together hold more of messages in memory than `[submission] memory_budget`."
            "The application tries again by itself; raise the budget if it happens often.";
        ShuttingDown 421 "4.3.2" "shutting-down"
            "The relay is stopping; try again in a moment"
            "The relay is being stopped or restarted."
            "The application tries again by itself.";
        Timeout 421 "4.4.2" "timeout"
            "Nothing came for too long; closing"
            "The client was silent for longer than `[submission] command_timeout` or `data_timeout`, or sent a message slower than 500 octets a second for a minute, or took more than half an hour for a transaction (and a second more for each 4,096 octets)."
            "Let the application close connections that it does not use, and send a message without pauses.";
        TooManyConnections 421 "4.7.0" "too-many-connections"
            "Too many connections; close some, or try again later"
            "More connections than `[submission] max_connections` in all, or `max_connections_per_address` from one address."
            "Let the application send several messages over one connection.";
    }
}
