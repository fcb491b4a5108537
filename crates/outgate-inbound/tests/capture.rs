//! The capture box behind a real listener.

#![expect(clippy::unwrap_used, reason = "a test that panics has told what it found")]

use outgate_inbound::Capture;
use outgate_listen::{Counters, Listeners, Opening, Rules};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(10);

fn open(capture: &Arc<Capture>) -> (SocketAddr, CancellationToken) {
    let mut listeners = Listeners::new(Rules::default(), Arc::new(Counters::default()));
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let address = listeners.open(anywhere, Opening::Clear, capture.clone(), None).unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(listeners.run(stop.clone(), SOON));
    (address, stop)
}

/// Sends a message with everything pipelined, and returns all that was heard.
async fn send(address: SocketAddr, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let script = format!(
        "EHLO mx.test\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@anywhere.test>\r\nRCPT TO:<c@else.test>\r\n\
         DATA\r\n{body}\r\n.\r\nQUIT\r\n"
    );
    stream.write_all(script.as_bytes()).await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    heard
}

#[tokio::test]
async fn it_takes_every_message_for_everybody() {
    let capture = Capture::new("sink.test", false);
    let (address, _stop) = open(&capture);
    let heard = send(address, "Subject: one\r\n\r\n..dot").await;
    assert!(!heard.contains("AUTH") && !heard.contains("STARTTLS"), "{heard}");
    let messages = capture.wait_for(1, SOON).await.unwrap();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message.content.as_ref(), b"Subject: one\r\n\r\n.dot\r\n");
    assert_eq!(message.envelope.reverse_path.to_string(), "a@example.com");
    let recipients: Vec<_> =
        message.envelope.recipients.iter().map(|recipient| recipient.address.to_string()).collect();
    assert_eq!(recipients, ["b@anywhere.test", "c@else.test"]);
    assert_eq!(message.client.client, "mx.test");
}

#[tokio::test]
async fn waiting_ends_with_the_message_or_with_the_time() {
    let capture = Capture::new("sink.test", false);
    let (address, _stop) = open(&capture);
    let waiting = tokio::spawn({
        let capture = Arc::clone(&capture);
        async move { capture.wait_for(2, SOON).await }
    });
    send(address, "one").await;
    assert_eq!(capture.wait_for(2, Duration::from_millis(50)).await.unwrap_err().0.len(), 1);
    send(address, "two").await;
    assert_eq!(waiting.await.unwrap().unwrap().len(), 2);
    assert_eq!(capture.came(), 2);
}
