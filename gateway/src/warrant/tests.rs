//! What goes on by a token, and the end of that.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::{FutureExt as _, StreamExt as _, stream};
use http_body_util::BodyExt as _;

use super::*;
use crate::authority::{Account, ReviewError, Reviewed, Reviewer};
use crate::metrics::Metrics;
use crate::token::Token;

const BELIEVED: Duration = Duration::from_secs(10);

/// Knows every token until it is revoked.
#[derive(Clone, Default)]
struct Revocable(Arc<AtomicBool>);

#[async_trait::async_trait]
impl Reviewer for Revocable {
    async fn account_of(&self, _token: &str) -> Result<Option<Account>, ReviewError> {
        Ok((!self.0.load(Ordering::SeqCst)).then(Account::default))
    }

    async fn may(&self, _account: &Account, _access: &Access) -> Result<bool, ReviewError> {
        Ok(true)
    }
}

async fn warrant(known: &Revocable) -> Warrant {
    let authority = Authority::from(Reviewed::by(known.clone(), BELIEVED, Metrics::default()));
    let warrant = Warrant::new(authority, Some(HeaderValue::from_static("Bearer token")), None);
    warrant.check().await.expect("it is known");
    warrant
}

/// Of no length.
fn endless() -> Response {
    let pieces = stream::repeat(()).then(async |()| {
        sleep(Duration::from_secs(3)).await;
        Ok::<_, axum::Error>(Bytes::from_static(b"event"))
    });
    Response::new(Body::from_stream(pieces))
}

#[tokio::test(start_paused = true)]
async fn what_has_no_length_goes_on_while_the_token_is_good_and_ends_once_it_was_believed() {
    let known = Revocable::default();
    let mut body = warrant(&known).await.over(endless()).into_body();
    let began = Instant::now();
    while began.elapsed() < BELIEVED * 3 {
        body.frame().await.expect("it goes on").expect("a frame");
    }
    known.0.store(true, Ordering::SeqCst);
    let revoked = Instant::now();
    while let Some(frame) = body.frame().await {
        frame.expect("it ends like any other");
    }
    assert!(revoked.elapsed() <= BELIEVED + LOOK, "{:?}", revoked.elapsed());
    assert!(body.frame().await.is_none() && body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn what_has_a_length_is_sent_in_pieces_and_breaks_off_with_an_error() {
    let long = || Response::new(Body::from(vec![7; 5 * PIECE + 1]));
    let (known, mut whole) = (Revocable::default(), 0);
    let mut body = warrant(&known).await.over(long()).into_body();
    while let Some(frame) = body.frame().await {
        whole += frame.expect("a frame").into_data().expect("data").len();
        assert_eq!(body.size_hint().exact(), Some((5 * PIECE + 1 - whole) as u64));
    }
    assert_eq!(whole, 5 * PIECE + 1);

    let mut body = warrant(&known).await.over(long()).into_body();
    assert_eq!(
        body.frame().await.expect("a piece").expect("a frame").into_data().expect("data").len(),
        PIECE
    );
    known.0.store(true, Ordering::SeqCst);
    // Its client takes nothing for a while.
    sleep(BELIEVED + LOOK).await;
    let broken = loop {
        match body.frame().await.expect("it is not whole") {
            Ok(_) => sleep(LOOK).await,
            Err(error) => break error,
        }
    };
    assert!(broken.to_string().contains("does not allow any more"), "{broken}");
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_short_and_what_shows_the_token_of_a_file_is_left_alone() {
    let known = Revocable::default();
    let short = warrant(&known).await.over(Response::new(Body::from(vec![7; PIECE]))).into_body();
    assert_eq!(short.collect().await.expect("all").to_bytes().len(), PIECE);
    let token = Authority::from(Token::of("a-token-that-is-long-enough-to-be-one"));
    let shown = HeaderValue::from_static("Bearer a-token-that-is-long-enough-to-be-one");
    let warrant = Warrant::new(token, Some(shown), None);
    warrant.check().await.expect("it is shown");
    assert!(warrant.ended().now_or_never().is_none());
    let mut body = warrant.over(Response::new(Body::from(vec![7; 2 * PIECE]))).into_body();
    let all = body.frame().await.expect("all").expect("a frame").into_data().expect("data");
    assert_eq!(all.len(), 2 * PIECE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_came_slowly_is_taken_in_only_if_its_token_still_holds() {
    let known = Revocable::default();
    let warrant = warrant(&known).await;
    let began = Instant::now();
    known.0.store(true, Ordering::SeqCst);
    warrant.check_since(began).await.expect("it came at once");
    tokio::time::advance(BELIEVED).await;
    assert_eq!(warrant.check_since(began).await.expect_err("it is revoked").status, 401);
}
