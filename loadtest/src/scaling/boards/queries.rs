//! What the boards and the rules ask.

use std::fmt;

use anyhow::{Context, Result, ensure};
use promql_parser::{
    parser::{self, BinaryExpr, Expr, VectorSelector},
    util::{ExprVisitor, walk_expr},
};
use serde_json::Value;

use super::super::prometheus::{Prometheus, RULES};

/// What Grafana fills in: spans, and what a viewer may choose. Pods of tenants have no processes here, so that what containers
/// use is that of the platform's own.
const VARIABLES: [(&str, &str); 7] = [
    ("$__rate_interval", "1m"),
    ("$__interval", "1m"),
    ("$__range", "15m"),
    ("$tenant", "demo|marea"),
    ("$cpu", "0.03"),
    ("$memory", "0.004"),
    ("$disk", "0.1"),
];

/// A query.
pub struct Query {
    /// The board and panel, or the rule.
    of: String,
    text: String,
    /// What it looks at, where it has no data as long as all is well.
    selectors: Vec<String>,
}

impl Query {
    fn new(of: String, text: &str) -> Result<Self> {
        let expression = parser::parse(text).map_err(anyhow::Error::msg).with_context(|| of.clone())?;
        let mut parts = Parts::default();
        walk_expr(&mut parts, &expression).map_err(anyhow::Error::msg)?;
        ensure!(!parts.selectors.is_empty(), "{of}: nothing is looked at");
        let selectors = if parts.filters { parts.selectors } else { vec![] };
        Ok(Self { of, text: text.to_owned(), selectors })
    }

    /// Whether it has a value now, or everything that it filters has one.
    pub async fn has_data(&self, prometheus: &Prometheus) -> Result<bool> {
        if prometheus.has_data(&self.text).await.with_context(|| self.to_string())? {
            return Ok(true);
        }
        for selector in &self.selectors {
            if !prometheus.has_data(selector).await.with_context(|| self.to_string())? {
                return Ok(false);
            }
        }
        Ok(!self.selectors.is_empty())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.of, self.text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// What a query looks at, and whether it leaves out what is as it should be.
#[derive(Default)]
struct Parts {
    selectors: Vec<String>,
    filters: bool,
}

impl ExprVisitor for Parts {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.selectors.push(text(selector)),
            Expr::MatrixSelector(matrix) => self.selectors.push(text(&matrix.vs)),
            Expr::Binary(BinaryExpr { op, .. }) if op.is_comparison_operator() || op.is_set_operator() => {
                self.filters = true;
            }
            Expr::Call(call) if call.func.name == "absent" => self.filters = true,
            _ => {}
        }
        Ok(true)
    }
}

/// The selector as of now.
fn text(selector: &VectorSelector) -> String {
    Expr::VectorSelector(VectorSelector { offset: None, at: None, ..selector.clone() }).to_string()
}

/// All of them.
pub fn all() -> Result<Vec<Query>> {
    let monitoring = testkit::workspace().join("k8s/monitoring");
    let mut all = vec![];
    for folder in ["dashboards", "dashboards/tenants"] {
        for file in std::fs::read_dir(monitoring.join(folder))? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let board: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
                panels(&board, &mut all)?;
            }
        }
    }
    for name in RULES {
        let rules: Value =
            serde_saphyr::from_str(&std::fs::read_to_string(monitoring.join(format!("rules/{name}.yaml")))?)?;
        for rule in
            rules["groups"].as_array().into_iter().flatten().flat_map(|group| group["rules"].as_array()).flatten()
        {
            let named = rule["alert"].as_str().or(rule["record"].as_str()).context("a rule without name")?;
            all.push(Query::new(named.to_owned(), rule["expr"].as_str().context("a rule without query")?)?);
        }
    }
    Ok(all)
}

fn panels(board: &Value, into: &mut Vec<Query>) -> Result<()> {
    for panel in board["panels"].as_array().context("a board without panels")? {
        for target in panel["targets"].as_array().into_iter().flatten() {
            // Those of standings ask the API, not Prometheus.
            let Some(query) = target["expr"].as_str() else { continue };
            let text = VARIABLES.iter().fold(query.to_owned(), |text, (name, value)| text.replace(name, value));
            let title = |of: &Value| of["title"].as_str().unwrap_or("?").to_owned();
            into.push(Query::new(format!("{} / {}", title(board), title(panel)), &text)?);
        }
    }
    Ok(())
}
