//! `outgate try`: the whole relay in a throwaway folder, shown at work.

mod client;
mod credulous;
mod paste;
mod perform;
mod show;
mod sink;
mod stage;

use super::Invocation;
use crate::{
    exit::{CommandError, Status},
    logging,
    output::{
        Output, Revealed, counted, credentials, printable, sender,
        view::{Credentials, Shown, Step, UserFacts},
    },
};
use outgate_inbound::Capture;
use outgate_relay::{Log, LogFormat};
use show::{Show, Stopped};
use stage::Stage;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long one wait for the next message lasts; then it begins anew.
const NEXT_MESSAGE: Duration = Duration::from_hours(1);

pub(crate) async fn run(invocation: &Invocation, once: bool) -> Result<Status, CommandError> {
    let output = invocation.output;
    logging::start(&Log { format: LogFormat::Text, level: "warn".to_owned() });
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let folder = tempfile::Builder::new()
        .prefix("outgate-try-")
        .tempdir()
        .map_err(|error| CommandError::Failed(format!("no throwaway folder could be made: {error}")))?;
    output.line(&format!(
        "Outgate in a throwaway folder, which goes at the end:\n{}\n",
        folder.path().display()
    ))?;

    let mut show = Show::new(output);
    // A signal ends the show wherever it is; the folder goes as this function returns.
    let stage = tokio::select! {
        stage = Stage::set_up(folder.path(), &mut show) => stage,
        () = ended(&mut terminate, &mut interrupt) => return Ok(Status::Done),
    };
    let mut stage = match stage {
        Ok(stage) => stage,
        Err(stopped) => return end(output, &show, None, stopped),
    };
    let performed = tokio::select! {
        performed = perform::run(&mut stage, &mut show) => performed,
        () = ended(&mut terminate, &mut interrupt) => {
            stage.strike().await;
            return Ok(Status::Done);
        }
    };
    if let Err(stopped) = performed {
        let status = end(output, &show, Some(&stage), stopped);
        stage.strike().await;
        return status;
    }
    finish(output, &show, &stage, once)?;
    if !once {
        tokio::select! {
            watched = watch(output, &stage.capture) => watched?,
            () = ended(&mut terminate, &mut interrupt) => {}
        }
        output.line("\nStopping, and removing the folder.")?;
    }
    stage.strike().await;
    Ok(Status::Done)
}

async fn ended(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Tells how a show ended that a step stopped.
fn end(output: Output, show: &Show, stage: Option<&Stage>, stopped: Stopped) -> Result<Status, CommandError> {
    match stopped {
        Stopped::Step => {}
        Stopped::Output(error) => return Err(CommandError::Output(error)),
    }
    let credentials = stage.map(|stage| Credentials {
        facts: UserFacts::of(&stage.user, &stage.smtp),
        password: Some(&stage.password),
    });
    let document = Shown { ok: false, steps: show.steps(), credentials };
    output.tell(&document, || {
        "\nThe step marked ✗ failed, so the show ends here. Please report it with the lines above.".to_owned()
    })?;
    Ok(Status::Failed)
}

/// Tells that all went well, and what can be done next.
fn finish(output: Output, show: &Show, stage: &Stage, once: bool) -> Result<(), CommandError> {
    let steps: &[Step] = show.steps();
    let facts = UserFacts::of(&stage.user, &stage.smtp);
    let document =
        Shown { ok: true, steps, credentials: Some(Credentials { facts, password: Some(&stage.password) }) };
    output.tell(&document, || {
        let (when, last) = if once {
            ("Every step went well. Without --once the relay stays, and takes these lines:", String::new())
        } else {
            let last =
                "\n\nThe sink shows here what arrives. Ctrl-C ends everything and removes the folder.\n";
            ("Every step went well. Now it is your turn, in another terminal:", last.to_owned())
        };
        format!(
            "\n{}\n\n{when}\n\n{}\n\n{}{last}",
            credentials(&stage.user, &stage.smtp, Revealed::Here(&stage.password)),
            paste::swaks(&stage.submission()),
            paste::python(&stage.submission()),
        )
    })?;
    Ok(())
}

/// Tells what arrives at the sink from now on, until the show is ended.
async fn watch(output: Output, capture: &Capture) -> Result<(), CommandError> {
    let mut told = capture.came();
    loop {
        // Too few in this time: the next turn waits again.
        let Ok(messages) = capture.wait_for(told + 1, NEXT_MESSAGE).await else { continue };
        for message in messages.iter().filter(|message| message.number > told) {
            let to: Vec<String> =
                message.envelope.recipients.iter().map(|recipient| recipient.address.to_string()).collect();
            output.line(&format!(
                "  → arrived: {} → {}, {}",
                printable(&sender(&message.envelope.reverse_path)),
                printable(&to.join(", ")),
                counted(message.content.len() as u64, "byte"),
            ))?;
        }
        told = messages.last().map_or(told, |message| told.max(message.number));
    }
}
