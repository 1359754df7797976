//! What each count was when somebody last looked, and how much it may grow unseen.

/// A count.
struct Bound {
    name: &'static str,
    /// The count as it was.
    was: f64,
    /// By so much of it a count may be larger, in percent.
    leeway: f64,
}

/// `make counts` prints what they are now.
///
/// The leeway is always less than what one thing more per batch or per record would cost. Bytes of WAL vary with PostgreSQL's version, and a little with
/// where random ids fall in an index (these are of version 15). With EdDSA a batch of 100 may write 3 KiB beside its signatures, of 64 bytes each. RS256 takes 5.14 allocations where the kernel signs, most of
/// them each time that its blinding is made anew, and 1.00 where AWS-LC does. ES256's signatures by AWS-LC are of random length
/// until they are brought into their form. How often a session looks at its socket depends on when
/// bytes come, and some allocations with it. Instructions vary with the compiler's version (1.95).
const BOUNDS: &[Bound] = &[
    Bound { name: "round trips per batch", was: 2.0, leeway: 3.0 },
    Bound { name: "transactions per batch", was: 2.0, leeway: 3.0 },
    Bound { name: "waits for the disk per batch", was: 1.0, leeway: 5.0 },
    Bound { name: "pages looked at per batch", was: 102.4, leeway: 5.0 },
    Bound { name: "WAL bytes per record signed with EdDSA in batches of 100", was: 90.74, leeway: 4.0 },
    Bound { name: "WAL bytes per record signed with RS256 in batches of 100", was: 296.0, leeway: 4.0 },
    Bound { name: "WAL bytes per record seeded with 64 bytes", was: 214.04, leeway: 10.0 },
    Bound { name: "allocations per record signed with RS256", was: 5.14, leeway: 5.0 },
    Bound { name: "allocations per record signed with ES256", was: 3.77, leeway: 10.0 },
    Bound { name: "allocations per record signed with EdDSA", was: 1.0, leeway: 5.0 },
    Bound { name: "allocations per record fetched, signed with EdDSA and stored", was: 2.0, leeway: 10.0 },
    Bound { name: "instructions per record signed with RS256", was: 1340.0, leeway: 15.0 },
    Bound { name: "instructions per record signed with ES256", was: 4050.0, leeway: 15.0 },
    Bound { name: "instructions per record signed with EdDSA", was: 1301.0, leeway: 15.0 },
];

/// Fails when a count has grown beyond its bound.
#[expect(clippy::print_stdout, reason = "shown by `make counts`, and when a test fails")]
pub(crate) fn hold(name: &str, now: f64) {
    let bound = BOUNDS.iter().find(|bound| bound.name == name).expect("every count has a bound");
    let most = bound.was * (1.0 + bound.leeway / 100.0);
    println!("{now:>10.2}  {name} (was {:.2}, at most {most:.2})", bound.was);
    // A hundredth for rounding in the table above.
    assert!(
        now <= most + 0.01,
        "{name} went from {:.2} to {now:.2}, and at most {most:.2} is let pass. If there is a good reason, \
         `make counts` prints what to write into bench/tests/counts/bounds.rs",
        bound.was
    );
}

#[test]
#[should_panic(expected = "round trips per batch went from 2.00 to 3.00")]
fn a_count_that_has_grown_is_named_with_what_it_was_and_is() {
    hold("round trips per batch", 3.0);
}

#[test]
fn a_count_that_has_shrunk_is_let_pass() {
    hold("round trips per batch", 1.0);
}
