//! What the API says of itself (OpenAPI 3.1), beside what it answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// The document of an API.
#[derive(Clone, Debug)]
pub struct ApiDocument(Arc<Value>);

impl ApiDocument {
    /// Of this text.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or lists no paths.
    pub fn new(text: &str) -> anyhow::Result<Self> {
        let document: Value = serde_json::from_str(text)?;
        ensure!(document["paths"].as_object().is_some_and(|paths| !paths.is_empty()), "no paths: {text}");
        Ok(Self(Arc::new(document)))
    }

    /// The operation that a request is, if it is one.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let is_of = |template: &str| {
            let (mut wanted, mut there) = (template.split('/'), path.split('/'));
            loop {
                match (wanted.next(), there.next()) {
                    (None, None) => return true,
                    (Some(wanted), Some(there)) if wanted.starts_with('{') || wanted == there => {}
                    _ => return false,
                }
            }
        };
        let (_, found) = self.0["paths"].as_object()?.iter().find(|(template, _)| is_of(template))?;
        found.get(method.to_ascii_lowercase())
    }

    /// The statuses above 399 that an operation answers with.
    #[must_use]
    pub fn refusals(&self, method: &str, path: &str) -> BTreeSet<u16> {
        let responses = self.operation(method, path).and_then(|operation| operation["responses"].as_object());
        let statuses = responses.into_iter().flat_map(|responses| responses.keys());
        statuses.filter_map(|status| status.parse().ok()).filter(|status| *status >= 400).collect()
    }

    /// Whether an answer is one that the document names for the request; of what is no operation, nothing is said.
    ///
    /// `head` is the head of the answer in small letters, where it is known.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn names(
        &self,
        (method, path): (&str, &str),
        (status, head, body): (u16, Option<&str>, &str),
    ) -> anyhow::Result<()> {
        let Some(operation) = self.operation(method, path) else { return Ok(()) };
        let wrong = || format!("{method} {path}: {status} is not as /openapi.json has it: {body}");
        let response = operation["responses"].get(status.to_string()).with_context(wrong)?;
        if let (Some(head), Some(headers)) = (head, response["headers"].as_object()) {
            for name in headers.keys() {
                ensure!(
                    head.contains(&format!("\r\n{}: ", name.to_ascii_lowercase())),
                    "{}: {name}",
                    wrong()
                );
            }
        }
        let Some(content) = response["content"].as_object() else { return Ok(()) };
        if let Some(head) = head {
            let is_so = |kind: &String| head.contains(&format!("\r\ncontent-type: {kind}"));
            ensure!(content.keys().any(is_so), "{}: its type, in {head}", wrong());
        }
        if status < 400 {
            return Ok(());
        }
        let problem: Value = serde_json::from_str(body).with_context(wrong)?;
        let wanted = &self.0["components"]["schemas"]["Problem"]["required"];
        let wanted = wanted.as_array().context("a problem has no members")?;
        let has = |member: &Value| member.as_str().is_some_and(|member| problem.get(member).is_some());
        ensure!(wanted.iter().all(has) && problem["status"] == status, "{}", wrong());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_held_against_what_is_said_of_it() -> anyhow::Result<()> {
        let document = ApiDocument::new(
            r#"{"paths": {"/a/{b}": {"get": {"responses": {
                "200": {"content": {"text/plain": {}}},
                "429": {"headers": {"Retry-After": {}}, "content": {"application/problem+json": {}}}}}}},
                "components": {"schemas": {"Problem": {"required": ["type", "status"]}}}}"#,
        )?;
        let problem = r#"{"type": "x", "status": 429}"#;
        let head = "http/1.1 429 ok\r\ncontent-type: application/problem+json\r\nretry-after: 1";
        let names = |path, answer| document.names(("GET", path), answer).is_ok();
        assert!(names("/a/1?c=2", (429, Some(head), problem)));
        assert!(names("/a/1", (429, None, problem)));
        assert!(!names("/a/1", (429, Some(head), r#"{"type": "x", "status": 400}"#)));
        assert!(!names("/a/1", (429, Some(head), r#"{"status": 429}"#)));
        assert!(!names("/a/1", (429, Some("http/1.1 429 ok\r\nretry-after: 1"), problem)));
        let later = head.replace("retry-after", "later");
        assert!(!names("/a/1", (429, Some(later.as_str()), problem)));
        assert!(!names("/a/1", (404, None, problem)));
        assert!(names("/a/1/2", (404, None, "")) && names("/a", (404, None, "")), "no operation");
        assert_eq!(document.refusals("GET", "/a/1"), BTreeSet::from([429]));
        assert!(ApiDocument::new("{}").is_err());
        Ok(())
    }
}
