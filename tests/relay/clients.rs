//! Real clients, each by STARTTLS and by implicit TLS, with PLAIN and with LOGIN where it can choose: the message
//! arrives once, its body as it was sent, byte for byte.

use lettre::{
    SmtpTransport, Transport as _,
    address::Envelope,
    transport::smtp::{
        authentication::{Credentials as LettreCredentials, Mechanism},
        client::{Certificate as LettreCertificate, Tls as LettreTls, TlsParameters},
    },
};
use outgate_tests::{Credentials, Relay, Shared, Sink, Tls, peers};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

const SUITE: &str = "clients";
const FROM: &str = "shop@sender.test";
const ARRIVAL_LIMIT: Duration = Duration::from_secs(30);
const EVERY_TLS: [Tls; 2] = [Tls::Starttls, Tls::Implicit];
const MECHANISMS: [&str; 2] = ["PLAIN", "LOGIN"];

/// Dots, bytes above 127, blanks at the end of a line, long lines, and what looks like an mbox separator.
const BODY: &str = "Line one\r\n.\r\n..two dots\r\n. dot and blank\r\nÄöü € 日本\r\nblanks  \r\n\tTab\r\n\r\n\
                    From here on: 0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n\
                    =20 =C3=A9 =\r\nthe last line\r\n";

/// These end the data with CR LF . CR LF whatever came before, so that the message itself ends with one more CR LF.
const ADD_A_LINE_END: [&str; 3] = ["swaks", "phpmailer", "lettre"];

static STAGE: Shared<Stage> = Shared::new();

struct Stage {
    relay: Relay,
    sink: Sink,
    user: Credentials,
}

impl Stage {
    fn new() -> Self {
        let sink = Sink::start();
        let relay = Relay::to(sink.address());
        relay.add_domain("sender.test");
        let user = relay.add_user("sender.test", "clients");
        Self { relay, sink, user }
    }

    fn port(&self, tls: Tls) -> u16 {
        match tls {
            Tls::Starttls => self.relay.starttls().port(),
            Tls::Implicit => self.relay.implicit_tls().port(),
        }
    }

    /// A recipient of its own for each way, so that what arrives can be told apart.
    fn recipient(client: &str, tls: Tls, mechanism: &str) -> String {
        format!("{client}-{tls:?}-{mechanism}@recipient.test").to_lowercase()
    }

    fn message(to: &str) -> Vec<u8> {
        format!(
            "From: Shop <{FROM}>\r\nTo: <{to}>\r\nSubject: Order\r\nX-Kept: a  b\r\n\tc\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{BODY}"
        )
        .into_bytes()
    }

    /// A file that is gone with the relay's folder.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.relay.folder().join(name);
        std::fs::write(&path, content).expect("writing a file");
        path
    }

    /// Gives a script what it has to know.
    fn tell(&self, command: &mut Command, tls: Tls, mechanism: &str, to: &str, file: &Path) {
        command
            .env("TLS", if tls == Tls::Implicit { "implicit" } else { "starttls" })
            .env("PORT", self.port(tls).to_string())
            .env("CA", &self.relay.certificate.authority)
            .env("SMTP_USER", &self.user.username)
            .env("SMTP_PASSWORD", &self.user.password)
            .env("MECHANISM", mechanism)
            .env("FROM", FROM)
            .env("TO", to)
            .env("FILE", file);
    }

    #[track_caller]
    fn arrived_once(&self, to: &str, body: &[u8]) {
        let arrived = self.sink.wait_for(to, ARRIVAL_LIMIT);
        let arrived = arrived.unwrap_or_else(|| panic!("nothing arrived for {to}"));
        let added = ADD_A_LINE_END.iter().any(|client| to.starts_with(client));
        let body = [body, if added { b"\r\n" } else { b"" }].concat();
        assert_eq!(
            String::from_utf8_lossy(arrived.body()),
            String::from_utf8_lossy(&body),
            "the body for {to}"
        );
        assert_eq!(arrived.from, FROM);
        assert_eq!(arrived.to, [to]);
        self.relay.drained(ARRIVAL_LIMIT);
        assert_eq!(self.sink.received_for(to).len(), 1, "messages for {to}");
        let last = &self.relay.json(&["user", "show", &self.user.username])["last_connection"];
        assert!(["PLAIN", "LOGIN"].contains(&last["mechanism"].as_str().unwrap_or_default()), "{last}");
    }
}

/// Runs a client for every kind of TLS and every mechanism.
fn everywhere(client: &str, mechanisms: &[&str], send: impl Fn(&Stage, Tls, &str, &str, &Path) -> Output) {
    let stage = STAGE.get(Stage::new);
    for tls in EVERY_TLS {
        for mechanism in mechanisms {
            let to = Stage::recipient(client, tls, mechanism);
            let file = stage.file(&format!("{to}.eml"), &Stage::message(&to));
            let output = send(&stage, tls, mechanism, &to, &file);
            assert!(output.status.success(), "{client} {tls:?} {mechanism}: {}", said(&output));
            stage.arrived_once(&to, BODY.as_bytes());
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("relay/clients").join(name)
}

#[test]
fn swaks() {
    if !peers::have(SUITE, &["swaks"]) {
        return;
    }
    everywhere("swaks", &MECHANISMS, |stage, tls, mechanism, to, file| {
        Command::new("swaks")
            .args(["--server", "127.0.0.1", "--port", &stage.port(tls).to_string()])
            .arg(if tls == Tls::Implicit { "--tls-on-connect" } else { "--tls" })
            .args(["--tls-verify", "--tls-ca-path"])
            .arg(&stage.relay.certificate.authority)
            .args(["--auth", mechanism, "--auth-user", &stage.user.username])
            .args(["--auth-password", &stage.user.password, "--from", FROM, "--to", to])
            .arg("--data")
            .arg(format!("@{}", file.display()))
            .output()
            .expect("running swaks")
    });
}

#[test]
fn curl() {
    if !peers::have(SUITE, &["curl"]) {
        return;
    }
    everywhere("curl", &MECHANISMS, |stage, tls, mechanism, to, file| {
        let scheme = if tls == Tls::Implicit { "smtps" } else { "smtp" };
        Command::new("curl")
            .args(["--silent", "--show-error", "--ssl-reqd", "--cacert"])
            .arg(&stage.relay.certificate.authority)
            .arg(format!("{scheme}://localhost:{}/client.test", stage.port(tls)))
            .args(["--login-options", &format!("AUTH={mechanism}"), "--user"])
            .arg(format!("{}:{}", stage.user.username, stage.user.password))
            .args(["--mail-from", FROM, "--mail-rcpt", to, "--upload-file"])
            .arg(file)
            .output()
            .expect("running curl")
    });
}

#[test]
fn msmtp() {
    if !peers::have(SUITE, &["msmtp"]) {
        return;
    }
    everywhere("msmtp", &MECHANISMS, |stage, tls, mechanism, to, file| {
        let config = format!(
            "account default\nhost localhost\nport {}\nfrom {FROM}\ntls on\ntls_starttls {}\ntls_trust_file {}\n\
             auth {}\nuser {}\npassword {}\n",
            stage.port(tls),
            if tls == Tls::Starttls { "on" } else { "off" },
            stage.relay.certificate.authority.display(),
            mechanism.to_lowercase(),
            stage.user.username,
            stage.user.password,
        );
        let config = stage.file("msmtprc", config.as_bytes());
        // It refuses a file with a password that others can read.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&config, mode).expect("mode");
        Command::new("msmtp")
            .arg(format!("--file={}", config.display()))
            .args(["--", to])
            .stdin(std::fs::File::open(file).expect("the message"))
            .output()
            .expect("running msmtp")
    });
}

#[test]
fn python_smtplib() {
    let Some(python) = peers::python(SUITE, "smtplib") else { return };
    everywhere("smtplib", &MECHANISMS, |stage, tls, mechanism, to, file| {
        let mut command = Command::new(&python);
        stage.tell(&mut command, tls, mechanism, to, file);
        command.arg(script("python.py")).output().expect("running Python")
    });
}

#[test]
fn nodemailer() {
    let Some(modules) = peers::nodemailer(SUITE) else { return };
    everywhere("nodemailer", &MECHANISMS, |stage, tls, mechanism, to, file| {
        let mut command = Command::new("node");
        stage.tell(&mut command, tls, mechanism, to, file);
        command.env("NODE_PATH", &modules).arg(script("nodemailer.js")).output().expect("running Node")
    });
}

#[test]
fn phpmailer() {
    let Some(autoload) = peers::phpmailer(SUITE) else { return };
    let stage = STAGE.get(Stage::new);
    let body = stage.file("phpmailer.body", BODY.as_bytes());
    for tls in EVERY_TLS {
        for mechanism in MECHANISMS {
            let to = Stage::recipient("phpmailer", tls, mechanism);
            let mut command = Command::new("php");
            stage.tell(&mut command, tls, mechanism, &to, &body);
            command.env("PHPMAILER", autoload).arg(script("phpmailer.php")).stdin(Stdio::null());
            let output = command.output().expect("running PHP");
            assert!(output.status.success(), "{tls:?} {mechanism}: {}", said(&output));
            let composed = String::from_utf8(output.stdout).expect("UTF-8").replace('\n', "\r\n");
            assert!(composed.starts_with("Line one\r\n.\r\n..two dots\r\n"), "{composed:?}");
            stage.arrived_once(&to, composed.as_bytes());
        }
    }
}

#[test]
fn lettre() {
    let stage = STAGE.get(Stage::new);
    let authority = std::fs::read(&stage.relay.certificate.authority).unwrap();
    for tls in EVERY_TLS {
        for (name, mechanism) in [("plain", Mechanism::Plain), ("login", Mechanism::Login)] {
            let to = Stage::recipient("lettre", tls, name);
            let parameters = TlsParameters::builder("localhost".into())
                .add_root_certificate(LettreCertificate::from_pem(&authority).unwrap())
                .build()
                .unwrap();
            let transport = SmtpTransport::builder_dangerous("localhost")
                .port(stage.port(tls))
                .tls(match tls {
                    Tls::Starttls => LettreTls::Required(parameters),
                    Tls::Implicit => LettreTls::Wrapper(parameters),
                })
                .credentials(LettreCredentials::new(stage.user.username.clone(), stage.user.password.clone()))
                .authentication(vec![mechanism])
                .build();
            let envelope = Envelope::new(Some(FROM.parse().unwrap()), vec![to.parse().unwrap()]).unwrap();
            transport.send_raw(&envelope, &Stage::message(&to)).unwrap();
            stage.arrived_once(&to, BODY.as_bytes());
        }
    }
}
