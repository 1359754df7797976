//! The login, message by message (PostgreSQL documentation, "Message Flow" and "SASL Authentication").
//!
//! Only SCRAM passes: in it, neither side ever learns the password, and the server proves that it had it once.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::codes::UNSAFE_LOGIN;

/// Bytes that a message of the login may have.
const MOST_BYTES: usize = 64 * 1024;

/// Fewer rounds would let a false server guess the password from the answer (RFC 7677, section 4).
const LEAST_ROUNDS: u32 = 4096;

#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Whether a server that lets us in without a proof is refused, too.
    pub(super) proof_wanted: bool,
}

/// Why a login was not passed on.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server could not be reached, or left.
    Unreachable(io::Error),
    /// TLS could not be agreed upon.
    Tls(String),
    /// The server asks for what it is not to be given.
    Unsafe(String),
}

struct Message {
    kind: u8,
    body: Vec<u8>,
}

/// Passes on the login up to the server's word that it is ready. Not only up to its word that the login has succeeded:
/// sqlx would answer a question after that, too.
pub(super) async fn pass_on<C, S>(client: &mut C, server: &mut S, rules: Rules) -> Result<(), Refusal>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let start = read_body(client).await?;
    write(server, None, &start).await?;
    let (mut proved, mut let_in) = (false, false);
    loop {
        let message = read(server).await?;
        let asked = match message.kind {
            b'R' => Asked::of(&message.body),
            // An error, a notice, or the offer of an older protocol; the client knows what to do.
            b'E' | b'N' | b'v' => Asked::Nothing,
            b'S' | b'K' if let_in => Asked::Nothing,
            b'Z' if let_in => Asked::Ready,
            kind => Asked::Refused(format!("the server sent {:?} in a login", char::from(kind))),
        };
        match &asked {
            Asked::LetIn if rules.proof_wanted && !proved => {
                return Err(Refusal::Unsafe(
                    "the server wants no password, so that it may be any server".into(),
                ));
            }
            Asked::LetIn | Asked::Answer | Asked::Proof if let_in => {
                return Err(Refusal::Unsafe("the server asked once more after the login".into()));
            }
            Asked::Refused(what) => return Err(Refusal::Unsafe(what.clone())),
            Asked::Nothing | Asked::LetIn | Asked::Answer | Asked::Proof | Asked::Ready => {}
        }
        write(client, Some(message.kind), &message.body).await?;
        match asked {
            Asked::Ready => return Ok(()),
            Asked::LetIn => let_in = true,
            // The client checks it, and leaves if it is false.
            Asked::Proof => proved = true,
            Asked::Answer => {
                let answer = read(client).await?;
                write(server, Some(answer.kind), &answer.body).await?;
            }
            Asked::Nothing | Asked::Refused(_) => {}
        }
    }
}

/// What a message of the server asks of the client.
enum Asked {
    /// Nothing.
    Nothing,
    /// Nothing: it is let in.
    LetIn,
    /// A step of SCRAM.
    Answer,
    /// To look at the proof.
    Proof,
    /// Nothing: the login is over.
    Ready,
    /// What it is not to do.
    Refused(String),
}

impl Asked {
    fn of(body: &[u8]) -> Self {
        let Some((code, rest)) = body.split_first_chunk() else {
            return Self::Refused("the server sent half a message".to_owned());
        };
        match i32::from_be_bytes(*code) {
            0 => Self::LetIn,
            3 => Self::Refused("the server asked for the password in clear text".to_owned()),
            5 => Self::Refused("the server asked for the password as MD5".to_owned()),
            10 => Self::Answer,
            11 => match rounds(rest) {
                Some(LEAST_ROUNDS..) => Self::Answer,
                _ => Self::Refused(format!("the server asked for fewer than {LEAST_ROUNDS} rounds of SCRAM")),
            },
            12 => Self::Proof,
            other => Self::Refused(format!("the server asked for authentication of kind {other}")),
        }
    }
}

/// `i=4096` in the server's first message.
fn rounds(message: &[u8]) -> Option<u32> {
    let message = std::str::from_utf8(message).ok()?;
    message.split(',').find_map(|attribute| attribute.strip_prefix("i="))?.parse().ok()
}

/// Says to the client why there is no login.
pub(super) async fn refuse(client: &mut (impl AsyncWrite + Unpin), refusal: &Refusal) -> io::Result<()> {
    // Connection failure, in PostgreSQL's own words, where it is nothing worse.
    let (code, said) = match refusal {
        Refusal::Unreachable(error) => ("08001", error.to_string()),
        Refusal::Tls(error) => ("08001", error.clone()),
        Refusal::Unsafe(what) => (UNSAFE_LOGIN, what.clone()),
    };
    let mut body = Vec::new();
    for (field, text) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', code), (b'M', &said)] {
        body.push(field);
        body.extend(text.bytes().filter(|byte| *byte != 0));
        body.push(0);
    }
    body.push(0);
    write_to(client, Some(b'E'), &body).await?;
    client.shutdown().await
}

async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Message, Refusal> {
    let kind = from.read_u8().await.map_err(Refusal::Unreachable)?;
    Ok(Message { kind, body: read_body(from).await? })
}

/// Length and body, as the first message has no kind.
async fn read_body(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Refusal> {
    let length = from.read_u32().await.map_err(Refusal::Unreachable)?;
    let length = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    let Some(length) = length.filter(|length| *length <= MOST_BYTES) else {
        return Err(Refusal::Unsafe("the server sent a message of no possible length".to_owned()));
    };
    let mut body = vec![0; length];
    from.read_exact(&mut body).await.map_err(Refusal::Unreachable)?;
    Ok(body)
}

async fn write(to: &mut (impl AsyncWrite + Unpin), kind: Option<u8>, body: &[u8]) -> Result<(), Refusal> {
    write_to(to, kind, body).await.map_err(Refusal::Unreachable)
}

async fn write_to(to: &mut (impl AsyncWrite + Unpin), kind: Option<u8>, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend(length.to_be_bytes());
    message.extend(body);
    to.write_all(&message).await?;
    to.flush().await
}
