//! The steps of the show, each told as it happens.

use crate::output::{Output, printable, view::Step};
use std::io;

/// Why the show did not go on.
#[derive(Debug)]
pub(super) enum Stopped {
    /// A step failed; it was told.
    Step,
    /// Nobody reads any more.
    Output(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Tells steps, and remembers them.
#[derive(Debug)]
pub(super) struct Show {
    output: Output,
    steps: Vec<Step>,
}

impl Show {
    pub(super) fn new(output: Output) -> Self {
        Self { output, steps: Vec::new() }
    }

    /// What was told.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// A heading between steps.
    pub(super) fn heading(&self, text: &str) -> Result<(), Stopped> {
        Ok(self.output.line(&format!("\n{text}\n"))?)
    }

    /// A step that went well.
    pub(super) fn done(&mut self, step: &'static str, detail: impl Into<String>) -> Result<(), Stopped> {
        self.tell(Step { step, ok: true, detail: detail.into() })
    }

    /// A step that did not: the show stops.
    pub(super) fn failed(&mut self, step: &'static str, detail: impl Into<String>) -> Stopped {
        match self.tell(Step { step, ok: false, detail: detail.into() }) {
            Ok(()) => Stopped::Step,
            Err(stopped) => stopped,
        }
    }

    /// Goes on with what a step gave, or stops with its error.
    pub(super) fn need<T, E: std::fmt::Display>(
        &mut self,
        step: &'static str,
        result: Result<T, E>,
    ) -> Result<T, Stopped> {
        result.map_err(|error| self.failed(step, error.to_string()))
    }

    fn tell(&mut self, step: Step) -> Result<(), Stopped> {
        self.output.line(&line(&step))?;
        self.steps.push(step);
        Ok(())
    }
}

fn line(step: &Step) -> String {
    let mark = if step.ok { '✓' } else { '✗' };
    format!("  {mark} {:<13} {}", step.step.replace('_', " "), printable(&step.detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_line_up_behind_their_mark() {
        let step = |ok, detail: &str| Step { step: "old_password", ok, detail: detail.to_owned() };
        assert_eq!(line(&step(true, "535 5.7.8 no")), "  ✓ old password  535 5.7.8 no");
        assert_eq!(line(&step(false, "235\u{7} yes")), "  ✗ old password  235\u{fffd} yes");
    }

    #[test]
    fn a_failed_step_stops_the_show() {
        let mut show = Show::new(Output::new(true));
        show.done("relay", "runs").unwrap();
        assert!(matches!(show.need::<(), _>("accepted", Err("no")), Err(Stopped::Step)));
        let told: Vec<_> = show.steps().iter().map(|step| (step.step, step.ok)).collect();
        assert_eq!(told, [("relay", true), ("accepted", false)]);
    }
}
