//! `outgate user …`

use super::Invocation;
use crate::{
    args::UserCommand,
    exit::{CommandError, Status},
    output::{
        Endpoint, PasswordFile, Question, Revealed, confirm, credentials, facts, moment, ports, printable,
        prose, table,
        view::{Credentials, ShownUser, UserFacts},
    },
};
use outgate_core::{
    DomainName, LastConnection, Secret, User, Username, domains,
    users::{self, AddUser, Issued},
};
use outgate_relay::{Admin, Opening};
use std::path::Path;

pub(crate) async fn run(invocation: &Invocation, command: UserCommand) -> Result<Status, CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    match command {
        UserCommand::Add { domain, name, username, password_file } => {
            let file = password_file.as_deref().map(PasswordFile::create).transpose()?;
            let request = AddUser { domain, name, username };
            let issued = users::add(admin.ports(), admin.actor(), request).await?;
            show_credentials(invocation, &admin, issued, file).await?;
        }
        UserCommand::List { domain } => list(invocation, &admin, domain.as_ref()).await?,
        UserCommand::Show { username } => {
            let user = users::show(admin.store(), &username).await?;
            tell(invocation, &admin, &user, facts_of)?;
        }
        UserCommand::Rename { username, name } => {
            let user = users::rename(admin.ports(), admin.actor(), &username, &name).await?;
            tell(invocation, &admin, &user, |user, _| {
                format!("SMTP user {} is now “{}”.", user.username, printable(user.name.as_str()))
            })?;
        }
        UserCommand::Reset { username, yes, password_file } => {
            reset(invocation, &admin, &username, yes, password_file.as_deref()).await?;
        }
        UserCommand::Disable { username } => {
            let user = users::disable(admin.ports(), admin.actor(), &username).await?;
            tell(invocation, &admin, &user, |user, _| {
                prose(&format!(
                    "SMTP user {0} is disabled: it cannot sign in, and its open sessions send nothing more. \
                     `outgate user enable {0}` lets it in again.",
                    user.username
                ))
            })?;
        }
        UserCommand::Enable { username } => {
            let user = users::enable(admin.ports(), admin.actor(), &username).await?;
            tell(invocation, &admin, &user, |user, _| {
                format!("SMTP user {} is enabled, with the password it had.", user.username)
            })?;
        }
        UserCommand::Delete { username, yes } => delete(invocation, &admin, &username, yes).await?,
    }
    Ok(Status::Done)
}

/// A new password in the clear, for its one showing.
pub(super) fn reveal(password: Secret) -> Result<impl std::ops::Deref<Target = String>, CommandError> {
    password.reveal().ok_or_else(|| CommandError::Failed("the new password is not text".to_owned()))
}

/// Shows a new password, once, or writes it to the file that was made for it.
async fn show_credentials(
    invocation: &Invocation,
    admin: &Admin,
    issued: Issued,
    file: Option<PasswordFile>,
) -> Result<(), CommandError> {
    let Issued { user, password } = issued;
    let password = reveal(password)?;
    let written = file.map(|file| file.write(&user.username, &password)).transpose()?;
    let revealed = written.as_deref().map_or(Revealed::Here(&password), Revealed::InFile);
    let smtp = Endpoint::of(admin.config());
    let document = Credentials { facts: UserFacts::of(&user, &smtp), password: revealed.here() };
    // The password is out of the store's reach already: a domain that cannot be read costs the hint, not the showing.
    let domain = domains::show(admin.store(), &user.domain_name).await.ok();
    let pending = domain.is_some_and(|domain| domain.may_send().is_err());
    invocation.output.tell(&document, || {
        let text = credentials(&user, &smtp, revealed);
        if !pending {
            return text;
        }
        let name = &user.domain_name;
        let hint = format!(
            "{name} may not send yet: its mail is refused until `outgate domain check {name}` finds its DNS records \
             right."
        );
        format!("{text}\n\n{}", prose(&hint))
    })?;
    Ok(())
}

async fn reset(
    invocation: &Invocation,
    admin: &Admin,
    username: &Username,
    yes: bool,
    password_file: Option<&Path>,
) -> Result<(), CommandError> {
    let user = users::show(admin.store(), username).await?;
    confirm(
        yes,
        &Question {
            command: "user reset",
            consequence: format!(
                "The password of {username} (“{}”) stops working at once: its application is refused until it \
                 has the new one, and its open sessions end.",
                printable(user.name.as_str()),
            ),
            answer: "yes",
        },
    )?;
    let file = password_file.map(PasswordFile::create).transpose()?;
    let issued = users::reset_password(admin.ports(), admin.actor(), username).await?;
    show_credentials(invocation, admin, issued, file).await
}

async fn delete(
    invocation: &Invocation,
    admin: &Admin,
    username: &Username,
    yes: bool,
) -> Result<(), CommandError> {
    let user = users::show(admin.store(), username).await?;
    confirm(
        yes,
        &Question {
            command: "user delete",
            consequence: format!(
                "This deletes the SMTP user {username} (“{}”) for good: its password stops working at once, and \
                 its username is never issued again. Mail that was already accepted is still delivered.",
                printable(user.name.as_str()),
            ),
            answer: "yes",
        },
    )?;
    let user = users::delete(admin.ports(), admin.actor(), username).await?;
    tell(invocation, admin, &user, |user, _| format!("SMTP user {} deleted.", user.username))
}

async fn list(
    invocation: &Invocation,
    admin: &Admin,
    domain: Option<&DomainName>,
) -> Result<(), CommandError> {
    let all = users::list(admin.store(), domain).await?;
    let smtp = Endpoint::of(admin.config());
    let document: Vec<ShownUser<'_>> = all.iter().map(|user| ShownUser::of(user, &smtp)).collect();
    invocation.output.tell(&document, || {
        if all.is_empty() {
            let (of, add) = domain.map_or_else(
                || (String::new(), "DOMAIN".to_owned()),
                |name| (format!(" of {name}"), name.to_string()),
            );
            return format!(
                "There are no SMTP users{of} yet. Make one with `outgate user add {add} --name LABEL`."
            );
        }
        let rows = all.iter().map(|user| {
            let seen = user.last_connection.as_ref().map_or("never".to_owned(), |last| moment(last.at));
            vec![
                user.username.to_string(),
                printable(user.name.as_str()).into_owned(),
                user.domain_name.to_string(),
                user.state.as_str().to_owned(),
                seen,
            ]
        });
        table(&["username", "name", "domain", "state", "last connection"], rows)
    })?;
    Ok(())
}

fn tell(
    invocation: &Invocation,
    admin: &Admin,
    user: &User,
    text: impl FnOnce(&User, &Admin) -> String,
) -> Result<(), CommandError> {
    let smtp = Endpoint::of(admin.config());
    Ok(invocation.output.tell(&ShownUser::of(user, &smtp), || text(user, admin))?)
}

fn facts_of(user: &User, admin: &Admin) -> String {
    let smtp = Endpoint::of(admin.config());
    let rows = [
        ("Username", user.username.to_string()),
        ("Name", printable(user.name.as_str()).into_owned()),
        ("Domain", user.domain_name.to_string()),
        ("State", user.state.as_str().to_owned()),
        ("Made", moment(user.created_at)),
        ("Last connection", user.last_connection.as_ref().map_or("never".to_owned(), connection)),
        ("Server", smtp.host.clone()),
        ("Port", ports(&smtp)),
        ("Sender", format!("anything@{}", user.domain_name)),
        ("Id", user.id.to_string()),
    ];
    let hint = format!(
        "Its password is not kept and cannot be shown; `outgate user reset {}` makes a new one.",
        user.username
    );
    format!("{}\n\n{}", facts(&rows), prose(&hint))
}

fn connection(last: &LastConnection) -> String {
    format!(
        "{} from {} as {} ({}, {})",
        moment(last.at),
        last.address,
        printable(&last.client),
        printable(&last.tls),
        last.mechanism.as_str(),
    )
}
