//! As much of a shell's grammar as the pages use.

/// The commands of a line, one per program that it starts, each as its words. What redirects, and what comes behind a `#`, is
/// left out.
pub(crate) fn commands(line: &str) -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut redirects = false;
    for word in words(line) {
        match word.as_str() {
            "|" | "&&" | "||" | ";" | "&" => found.push(Vec::new()),
            ">" | ">>" | "<" => redirects = true,
            _ if word.starts_with('#') => break,
            _ if redirects => redirects = false,
            _ => found.last_mut().expect("there is one").push(word),
        }
    }
    found.retain(|words| !words.is_empty());
    found
}

/// Words as a shell splits them, without their quotes.
fn words(line: &str) -> Vec<String> {
    let (mut found, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => (quote, begun) = (Some(letter), true),
            ('\\', None | Some('"')) => word.extend(letters.next()),
            (letter, None) if letter.is_whitespace() => {
                if begun || !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (letter, _) => word.push(letter),
        }
    }
    assert!(quote.is_none(), "a quote is not closed: {line}");
    if begun || !word.is_empty() {
        found.push(word);
    }
    found
}

#[test]
fn a_line_is_taken_apart_as_a_shell_does() {
    let line =
        r#"helm template x --set 'a={b c}' | kubectl apply -f - && psql "$URL" -c "A 'b'" > out # why"#;
    let apart = commands(line);
    assert_eq!(apart[0], ["helm", "template", "x", "--set", "a={b c}"]);
    assert_eq!(apart[1], ["kubectl", "apply", "-f", "-"]);
    assert_eq!(apart[2], ["psql", "$URL", "-c", "A 'b'"]);
    assert_eq!(apart.len(), 3);
    assert_eq!(commands(r"a b\ c ''"), [["a", "b c", ""]]);
    assert_eq!(commands("a b & c"), [vec!["a", "b"], vec!["c"]]);
}
