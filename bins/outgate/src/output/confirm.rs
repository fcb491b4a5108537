//! The question before something cannot be undone.

use super::prose;
use crate::exit::CommandError;
use std::io::{self, BufRead, IsTerminal, Read, Write};

/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 1024;

/// What is asked, and what counts as yes.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    /// The command, for whoever cannot be asked.
    pub(crate) command: &'a str,
    /// What will happen.
    pub(crate) consequence: String,
    /// What is to be typed: the name of what goes, or `yes`.
    pub(crate) answer: &'a str,
}

/// Goes on only with `--yes`, or with the right answer typed on a terminal.
pub(crate) fn confirm(yes: bool, question: &Question<'_>) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    let (stdin, stderr) = (io::stdin(), io::stderr());
    if !stdin.is_terminal() || !stderr.is_terminal() {
        return Err(CommandError::NobodyToAsk(format!("`outgate {}`", question.command)));
    }
    ask(question, &mut stdin.lock(), &mut stderr.lock())
}

fn ask(
    question: &Question<'_>,
    input: &mut impl BufRead,
    prompt: &mut impl Write,
) -> Result<(), CommandError> {
    write!(prompt, "{}\nType {} to go on: ", prose(&question.consequence), question.answer)?;
    prompt.flush()?;
    let mut answer = String::new();
    // Whatever is no text is no yes either.
    let read = input.take(LONGEST_ANSWER).read_line(&mut answer);
    if read.is_ok() && answer.trim().eq_ignore_ascii_case(question.answer) {
        Ok(())
    } else {
        Err(CommandError::NotConfirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_answer_confirms() {
        let question = Question {
            command: "domain delete",
            consequence: "All goes.".to_owned(),
            answer: "example.test",
        };
        for (typed, right) in [
            ("example.test\n", true),
            (" Example.test \n", true),
            ("yes\n", false),
            ("\n", false),
            ("", false),
            ("example.tes", false),
        ] {
            let mut prompt = Vec::new();
            let confirmed = ask(&question, &mut typed.as_bytes(), &mut prompt).is_ok();
            assert_eq!(confirmed, right, "{typed:?}");
            assert_eq!(String::from_utf8(prompt).unwrap(), "All goes.\nType example.test to go on: ");
        }
    }

    #[test]
    fn an_endless_answer_is_no_answer() {
        let question = Question { command: "x", consequence: String::new(), answer: "yes" };
        let endless = "y".repeat(100_000);
        assert!(ask(&question, &mut endless.as_bytes(), &mut Vec::new()).is_err());
    }
}
