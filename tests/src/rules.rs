//! Whom an event reaches: the deployed rules, read from the template's plain form and matched by a
//! pattern engine.
//!
//! The engine knows no `$or`, and no list of values in which a missing field is one. So each way to
//! fulfil a pattern becomes a pattern of its own, which is what EventBridge does with `$or`, too
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use quamina::Quamina;
use serde_json::{Map, Value, json};

/// The rules on one bus.
pub struct Rules {
    patterns: Quamina<String>,
    functions: BTreeSet<String>,
}

impl Rules {
    /// The rules on the bus with this name in the template.
    ///
    /// # Errors
    /// When the plain form cannot be read, a rule is not named after its function, or a pattern is
    /// none that could be matched here.
    pub fn deployed(bus: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/cloudformation.json");
        let text = fs::read_to_string(path).context("the plain form of the template is missing")?;
        let template: Value = serde_json::from_str(&text)?;
        let resources = template["Resources"]
            .as_object()
            .context("a template has resources")?;
        let mut rules = Self {
            patterns: Quamina::new(),
            functions: BTreeSet::new(),
        };
        for (id, rule) in resources {
            let properties = &rule["Properties"];
            if rule["Type"] == "AWS::Events::Rule" && properties["EventBusName"]["Ref"] == bus {
                let name = properties["Name"]["Fn::Sub"].as_str();
                let function = name.and_then(|name| name.strip_prefix("${AWS::StackName}-"));
                let function = function
                    .with_context(|| format!("{id} is not named after the stack and a function"))?;
                rules
                    .add(function, &properties["EventPattern"])
                    .with_context(|| format!("the pattern of {id}"))?;
            }
        }
        Ok(rules)
    }

    fn add(&mut self, function: &str, pattern: &Value) -> Result<()> {
        for alternative in alternatives(pattern)? {
            let text = alternative.to_string();
            self.patterns.add_pattern(function.to_owned(), &text)?;
        }
        self.functions.insert(function.to_owned());
        Ok(())
    }

    /// The functions that have a rule.
    #[must_use]
    pub fn functions(&self) -> &BTreeSet<String> {
        &self.functions
    }

    /// The functions that an event reaches, as it stands on the bus.
    ///
    /// # Errors
    /// When the engine cannot read the event.
    pub fn reached(&self, event: &Value) -> Result<BTreeSet<String>> {
        let matched = self
            .patterns
            .matches_for_event(event.to_string().as_bytes())?;
        Ok(matched.into_iter().collect())
    }
}

/// The form in which a rule sees an event.
#[must_use]
pub fn on_the_bus(source: &str, detail_type: &str, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": source,
        "detail-type": detail_type,
        "account": "111122223333",
        "time": "2026-11-21T10:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    })
}

/// Each way to fulfil a pattern, as a pattern.
///
/// # Errors
/// When it is no pattern (a reference to something that only a deployment knows is none), or asks for
/// one field in an alternative and beside it: there EventBridge goes by which is written last.
pub fn alternatives(pattern: &Value) -> Result<Vec<Value>> {
    match pattern {
        Value::Object(fields) => {
            ensure!(!fields.is_empty(), "an empty object matches nothing");
            let mut made = vec![Map::new()];
            for (name, inner) in fields {
                made = combined(&made, &ways(name, inner)?)?;
            }
            Ok(made.into_iter().map(Value::Object).collect())
        }
        Value::Array(values) => {
            ensure!(!values.is_empty(), "an empty list matches nothing");
            if values.iter().any(|value| value.get("exists").is_some()) {
                return Ok(values.iter().map(|value| json!([value])).collect());
            }
            Ok(vec![pattern.clone()])
        }
        other => bail!("{other} is neither fields nor a list of values"),
    }
}

/// Each way to fulfil one entry of a pattern.
fn ways(name: &str, inner: &Value) -> Result<Vec<Map<String, Value>>> {
    let mut ways = Vec::new();
    if name == "$or" {
        let members = inner.as_array().context("$or has a list")?;
        ensure!(members.len() > 1, "$or has alternatives");
        for member in members {
            for way in alternatives(member)? {
                ways.push(way.as_object().context("$or has patterns")?.clone());
            }
        }
    } else {
        for way in alternatives(inner)? {
            ways.push(Map::from_iter([(name.to_owned(), way)]));
        }
    }
    Ok(ways)
}

/// Each of the one side together with each of the other.
fn combined(
    one: &[Map<String, Value>],
    other: &[Map<String, Value>],
) -> Result<Vec<Map<String, Value>>> {
    let mut combined = Vec::with_capacity(one.len() * other.len());
    for fields in one {
        for more in other {
            let mut fields = fields.clone();
            merge(&mut fields, more)?;
            combined.push(fields);
        }
    }
    Ok(combined)
}

fn merge(fields: &mut Map<String, Value>, more: &Map<String, Value>) -> Result<()> {
    for (name, value) in more {
        match (fields.get_mut(name), value) {
            (None, _) => {
                fields.insert(name.clone(), value.clone());
            }
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more)?,
            (Some(_), _) => bail!("{name} is asked for in an alternative and beside it"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &Value) -> Result<Rules> {
        let mut rules = Rules {
            patterns: Quamina::new(),
            functions: BTreeSet::new(),
        };
        rules.add("f", pattern)?;
        Ok(rules)
    }

    #[test]
    fn one_alternative_is_enough_and_what_stands_beside_it_counts_for_each() -> Result<()> {
        let rules = rule(&json!({
            "source": ["own"],
            "detail": { "of": ["Order"] },
            "$or": [
                { "detail-type": ["Placed"], "detail": { "style": [{ "exists": false }, "free"] } },
                { "detail-type": ["Reserve", "Charge"] },
            ],
        }))?;
        let cases = [
            (json!({ "of": "Order" }), "own", "Placed", true),
            (
                json!({ "of": "Order", "style": "free" }),
                "own",
                "Placed",
                true,
            ),
            (
                json!({ "of": "Order", "style": "led" }),
                "own",
                "Placed",
                false,
            ),
            (
                json!({ "of": "Order", "style": null }),
                "own",
                "Placed",
                false,
            ),
            (
                json!({ "of": "Order", "style": "led" }),
                "own",
                "Charge",
                true,
            ),
            (json!({ "of": "Order" }), "own", "Reserve", true),
            (json!({ "of": "Order" }), "own", "Shipped", false),
            (json!({ "of": "Stock" }), "own", "Reserve", false),
            (json!({ "of": "Order" }), "other", "Reserve", false),
        ];
        for (detail, source, detail_type, expected) in cases {
            let reached = rules.reached(&on_the_bus(source, detail_type, &detail))?;
            assert_eq!(
                !reached.is_empty(),
                expected,
                "{source} {detail_type} {detail}"
            );
        }
        Ok(())
    }

    #[test]
    fn alternatives_may_stand_further_in_and_within_each_other() -> Result<()> {
        let pattern = json!({ "a": { "$or": [{ "b": ["1"] }, { "$or": [{ "c": ["2"] }, { "d": ["3"] }] }] } });
        let expected = [
            json!({ "a": { "b": ["1"] } }),
            json!({ "a": { "c": ["2"] } }),
            json!({ "a": { "d": ["3"] } }),
        ];
        assert_eq!(alternatives(&pattern)?, expected);
        Ok(())
    }

    #[test]
    fn what_cannot_be_matched_here_is_refused() {
        let refused = [
            json!({ "a": ["1"], "$or": [{ "a": ["2"] }, { "b": ["3"] }] }),
            json!({ "source": { "Ref": "Source" } }),
            json!({ "$or": [{ "a": ["1"] }] }),
            json!({ "$or": { "a": ["1"] } }),
            json!({ "a": [] }),
            json!({}),
        ];
        for pattern in refused {
            assert!(alternatives(&pattern).is_err(), "{pattern}");
        }
    }
}
