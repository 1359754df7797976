//! The independent audit as a person starts it says what it says to the tests, for whom one interpreter runs it many times.

use std::path::Path;

use anyhow::Context as _;
use chancery_kit::independent_program;
use tokio::process::Command;

use crate::tampered_with;

#[tokio::test]
async fn the_independent_audit_says_the_same_whoever_starts_it() -> anyhow::Result<()> {
    let (sound, _) = tampered_with("by_hand_sound", "").await?;
    let altered = "UPDATE chancery.records SET payload = payload || '\\x00' WHERE record = 17";
    let (altered, _) = tampered_with("by_hand_altered", altered).await?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (url, run, expected) in [(&sound, "demo", 0), (&altered, "demo", 1), (&sound, "unknown", 2)] {
        let arguments = ["--namespace", "default", "--run", run, "--database-url", url];
        let Some(served) = independent_program("audit", &arguments).await? else { return Ok(()) };
        let by_hand = Command::new(folder.join(".tools/independent-audit/bin/python"))
            .args(["-B", "tests/independent_audit/audit.py"])
            .args(arguments)
            .current_dir(&folder)
            .output()
            .await?;
        assert_eq!(
            (served.code, by_hand.status.code()),
            (expected, Some(expected)),
            "{served:?} {by_hand:?}"
        );
        assert_eq!(served.stdout, String::from_utf8(by_hand.stdout)?);
        let complaint = by_hand.stderr.split(|byte| *byte == b'\n').next().context("a line")?;
        assert!(served.stderr.as_bytes().starts_with(complaint), "{served:?}");
    }
    Ok(())
}
