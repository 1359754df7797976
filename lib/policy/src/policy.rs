//! A policy that is compiled.

use chancery_api::{
    ActionSpec, EnrichmentSpec, ExpressionSpec, FailurePolicy, ScoreSpec, SigningPolicySpec, ThresholdsSpec,
    Unmatched, ValidationSpec, WebhookAdds, WebhookSpec,
};

use crate::budget::{EXPRESSION_COST, POLICY_COST};
use crate::compile::{self, MOST_DEEP, Names, Sizes, Wrong};
use crate::expression::Expr;
use crate::finding::Finding;
use crate::pinned::Pinned;
use crate::record_schema::RecordSchema;
use crate::tables::Table;

/// A version of a policy, compiled once, which judges records on any number of threads at once.
pub struct Policy {
    pub(crate) schema: Option<RecordSchema>,
    pub(crate) conditions: Vec<Rule>,
    pub(crate) unmatched: Unmatched,
    pub(crate) variables: Vec<Expr>,
    pub(crate) tables: Vec<Table>,
    pub(crate) validations: Vec<Validation>,
    pub(crate) scores: Vec<Score>,
    pub(crate) thresholds: Option<ThresholdsSpec>,
    pub(crate) enrichments: Vec<Rule>,
    pub(crate) webhooks: Vec<Hook>,
    pub(crate) failure_policy: FailurePolicy,
}

/// An expression, and what it is for.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) expression: Expr,
}

pub(crate) struct Validation {
    pub(crate) rule: Rule,
    pub(crate) message: String,
    pub(crate) message_expression: Option<Expr>,
    pub(crate) action: ActionSpec,
}

pub(crate) struct Score {
    pub(crate) rule: Rule,
    pub(crate) points: i64,
}

pub(crate) struct Hook {
    pub(crate) name: String,
    pub(crate) adds: WebhookAdds,
    pub(crate) failure_policy: FailurePolicy,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy").finish_non_exhaustive()
    }
}

impl Policy {
    /// Compiles a version of a policy.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn compile(pinned: &Pinned) -> Result<Self, Vec<Finding>> {
        let SigningPolicySpec {
            schema,
            match_conditions,
            unmatched,
            variables,
            lookups,
            validations,
            scores,
            thresholds,
            enrichments,
            webhooks,
            retry_strategy: _,
            failure_policy,
        } = pinned.spec();
        let mut findings = Vec::new();
        let tables = Table::all_of(lookups, pinned.tables(), &mut findings);
        let mut compiler = Compiler::new(tables, findings);
        let schema = schema.as_ref().and_then(|schema| match RecordSchema::compile(schema) {
            Ok(schema) => Some(schema),
            Err(finding) => {
                compiler.findings.push(finding);
                None
            }
        });
        for (number, ExpressionSpec { name, expression }) in variables.iter().enumerate() {
            compiler.variable(&format!("spec.variables[{number}].expression"), name, expression);
        }
        let conditions =
            compiler.rules("matchConditions", match_conditions, |ExpressionSpec { name, expression }| {
                (name, expression)
            });
        let validations = compiler.validations(validations);
        let points = scores.iter().map(|score| i64::from(score.points));
        let scores =
            compiler.rules("scores", scores, |ScoreSpec { name, expression, points: _ }| (name, expression));
        let scores = scores.into_iter().zip(points).map(|(rule, points)| Score { rule, points }).collect();
        let enrichments =
            compiler.rules("enrichments", enrichments, |EnrichmentSpec { field, expression }| {
                (field, expression)
            });
        let Compiler { tables, variables, mut findings, cost, .. } = compiler;
        if findings.is_empty() && cost > POLICY_COST {
            findings.push(Finding::of("spec", format!(
                "its expressions may cost {cost:.0} together for a record of 1 MiB, and {POLICY_COST:.0} is the most"
            )));
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Self {
            schema,
            conditions,
            unmatched: *unmatched,
            variables,
            tables,
            validations,
            scores,
            thresholds: thresholds.clone(),
            enrichments,
            webhooks: webhooks.iter().map(Hook::of).collect(),
            failure_policy: *failure_policy,
        })
    }

    /// Whether anything has to be asked, of webhooks or of tables, before a record is judged.
    #[must_use]
    pub fn asks(&self) -> bool {
        !self.webhooks.is_empty() || self.tables.iter().any(Table::is_asked)
    }
}

impl Hook {
    fn of(spec: &WebhookSpec) -> Self {
        Self { name: spec.name.clone(), adds: spec.adds, failure_policy: spec.failure_policy }
    }
}

/// What was compiled so far.
struct Compiler {
    tables: Vec<Table>,
    table_sizes: Vec<f64>,
    names: Vec<String>,
    variables: Vec<Expr>,
    sizes: Vec<f64>,
    depths: Vec<usize>,
    findings: Vec<Finding>,
    cost: f64,
}

impl Compiler {
    fn new(tables: Vec<Table>, findings: Vec<Finding>) -> Self {
        let table_sizes = tables.iter().map(Table::largest).collect();
        let (names, variables, sizes, depths) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { tables, table_sizes, names, variables, sizes, depths, findings, cost: 0.0 }
    }

    fn variable(&mut self, path: &str, name: &str, text: &str) {
        let (expression, size, depth) = self.expression(path, text);
        self.names.push(name.to_owned());
        self.variables.push(expression);
        self.sizes.push(size);
        self.depths.push(depth);
    }

    fn rules<T>(&mut self, field: &str, all: &[T], parts: impl Fn(&T) -> (&String, &String)) -> Vec<Rule> {
        let mut rules = Vec::with_capacity(all.len());
        for (number, spec) in all.iter().enumerate() {
            let (name, text) = parts(spec);
            let (expression, ..) = self.expression(&format!("spec.{field}[{number}].expression"), text);
            rules.push(Rule { name: name.clone(), expression });
        }
        rules
    }

    fn validations(&mut self, all: &[ValidationSpec]) -> Vec<Validation> {
        let mut validations = Vec::with_capacity(all.len());
        for (number, spec) in all.iter().enumerate() {
            let ValidationSpec { name, expression: text, message, message_expression, action } = spec;
            let (expression, ..) = self.expression(&format!("spec.validations[{number}].expression"), text);
            let message_expression = message_expression.as_ref().map(|text| {
                self.expression(&format!("spec.validations[{number}].messageExpression"), text).0
            });
            let message = message.clone().unwrap_or_else(|| format!("failed expression: {}", text.trim()));
            let rule = Rule { name: name.clone(), expression };
            validations.push(Validation { rule, message, message_expression, action: *action });
        }
        validations
    }

    /// An expression, with the size of its value and how deep it is. What is wrong with it is a finding.
    fn expression(&mut self, path: &str, text: &str) -> (Expr, f64, usize) {
        let names = Names { variables: &self.names, tables: &self.tables, is_plain: false };
        let expression = match compile::compile(text, &names) {
            Ok(expression) => expression,
            Err(Wrong { message, line, column }) => {
                self.findings.push(Finding { path: path.to_owned(), message, line, column });
                return (Expr::Record, 0.0, 0);
            }
        };
        let sizes = Sizes { variables: &self.sizes, tables: &self.table_sizes };
        let estimate = sizes.estimate(&expression);
        self.cost += estimate.cost;
        if estimate.cost > EXPRESSION_COST {
            self.findings.push(Finding::of(path, format!(
                "may cost {:.0} for a record of 1 MiB, and {EXPRESSION_COST:.0} is the most; a loop within a loop over the whole record is what costs most",
                estimate.cost,
            )));
        }
        let depth = expression.depth(&self.depths);
        if depth > MOST_DEEP {
            let said = format!(
                "is {depth} levels deep with the variables that it needs, and {MOST_DEEP} is the most"
            );
            self.findings.push(Finding::of(path, said));
        }
        (expression, estimate.size, depth)
    }
}
