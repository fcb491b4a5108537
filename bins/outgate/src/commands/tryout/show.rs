//! The steps of the show, each told as it happens.

use crate::output::{COLUMNS, Output, printable, view::Step, wrapped};
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
        self.tell(Step { name: step, ok: true, detail: detail.into() })
    }

    /// A step that did not: the show stops.
    pub(super) fn failed(&mut self, step: &'static str, detail: impl Into<String>) -> Stopped {
        match self.tell(Step { name: step, ok: false, detail: detail.into() }) {
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

/// Columns before a step's detail.
const INDENT: usize = 18;

fn line(step: &Step) -> String {
    let mark = if step.ok { '✓' } else { '✗' };
    let head = format!("  {mark} {:<13} ", step.name.replace('_', " "));
    let detail = wrapped(&printable(&step.detail), COLUMNS - INDENT).join(&format!("\n{:INDENT$}", ""));
    format!("{head}{detail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_line_up_behind_their_mark() {
        let step = |ok, detail: &str| Step { name: "old_password", ok, detail: detail.to_owned() };
        assert_eq!(line(&step(true, "535 5.7.8 no")), "  ✓ old password  535 5.7.8 no");
        assert_eq!(line(&step(false, "235\u{7} yes")), "  ✗ old password  235\u{fffd} yes");
    }

    #[test]
    fn long_details_go_on_under_themselves() {
        let step = Step { name: "accepted", ok: true, detail: "word ".repeat(20) };
        let told = line(&step);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines[1].starts_with("                  word") && lines[0].chars().count() <= COLUMNS,
            "{told}"
        );
    }

    #[test]
    fn a_failed_step_stops_the_show() {
        let mut show = Show::new(Output::new(true));
        show.done("relay", "runs").unwrap();
        assert!(matches!(show.need::<(), _>("accepted", Err("no")), Err(Stopped::Step)));
        let told: Vec<_> = show.steps().iter().map(|step| (step.name, step.ok)).collect();
        assert_eq!(told, [("relay", true), ("accepted", false)]);
    }
}
