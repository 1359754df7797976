//! Clients that do not keep to the rules cost nobody but themselves.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{DEMO, NDJSON, answer};
use crate::{Site, manifest};

#[tokio::test]
async fn of_a_request_that_breaks_off_nothing_is_taken_in_and_the_others_are_answered() -> anyhow::Result<()>
{
    let site = Site::with(&manifest()).await?;
    let api = &site.served.api;
    let head = api.head("POST", &format!("{DEMO}/records"), &[("content-type", NDJSON)]);
    let begun = async |text: String| -> anyhow::Result<TcpStream> {
        let mut stream = api.connect().await?;
        stream.write_all(text.as_bytes()).await?;
        Ok(stream)
    };
    // They say nothing, or not all, for as long as the test lasts.
    let mut silent = vec![begun(String::new()).await?, begun("POST /v1".to_owned()).await?];
    for _ in 0..200 {
        silent.push(begun(format!("{head}content-length: 100\r\n\r\n\"slow\"\n")).await?);
    }
    // Less than it says, and the end.
    let mut cut = begun(format!("{head}content-length: 100\r\n\r\n\"cut\"\n")).await?;
    cut.shutdown().await?;
    assert_eq!(answer(&mut cut).await?.status, 400);
    drop(begun(format!("{head}content-length: 100\r\n\r\n\"gone\"\n")).await?);
    // A chunk that is none.
    let mut chunk = begun(format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n\"chunk\"\r\n")).await?;
    assert_eq!(answer(&mut chunk).await?.status, 400);
    // More than there may be, before a byte of it is sent.
    let mut long = begun(format!("{head}content-length: 99999999999\r\n\r\n")).await?;
    assert_eq!(answer(&mut long).await?.status, 413);
    let headers: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let mut many = begun(format!("{head}{headers}content-length: 0\r\n\r\n")).await?;
    assert_eq!(answer(&mut many).await?.status, 431);
    let mut none = begun("this is not HTTP\r\n\r\n".to_owned()).await?;
    assert_eq!(answer(&mut none).await?.status, 400);
    // Two lengths: a request within a request.
    let mut two = begun(format!("{head}content-length: 4\r\ncontent-length: 5\r\n\r\n\"x\"\n\n")).await?;
    assert_eq!(answer(&mut two).await?.status, 400);
    // All that it says, and only then the end: it is answered.
    let mut half = begun(format!("{head}content-length: 7\r\n\r\n\"half\"\n")).await?;
    half.shutdown().await?;
    assert_eq!(answer(&mut half).await?.expect(200)?.states()?, ["admitted"]);
    // A client that goes before it reads its answer.
    let mut deaf = begun(format!("{head}content-length: 7\r\n\r\n\"deaf\"\n")).await?;
    deaf.readable().await?;
    let _some = deaf.read(&mut [0; 1]).await?;
    drop(deaf);
    assert_eq!(api.push("", "\"deaf\"\n\"good\"\n").await?.expect(200)?.states()?, ["duplicate", "admitted"]);
    assert_eq!(api.seal().await?.expect(200)?.json()?["records"], 3);
    drop(silent);
    assert_eq!(site.end().await?["signed"], 3);
    Ok(())
}
