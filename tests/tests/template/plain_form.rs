//! Reads the plain form of the template and follows its references.
//!
//! It is kept as JSON, since the tests ask about a few properties of many kinds of resources; a type for each kind would
//! be longer than all of the tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// The plain form of the template.
pub(crate) struct Template(pub(crate) Value);

/// One resource of it.
pub(crate) struct Resource<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) properties: &'a Value,
}

impl Template {
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/cloudformation.json");
        let json = fs::read_to_string(path).expect("the plain form is committed");
        Self(serde_json::from_str(&json).expect("the plain form is JSON"))
    }

    pub(crate) fn get<'a>(&'a self, name: &'a str) -> Resource<'a> {
        let resource = &self.0["Resources"][name];
        assert!(resource.is_object(), "there is no resource {name}");
        Resource {
            name,
            kind: text(&resource["Type"]),
            properties: &resource["Properties"],
        }
    }

    /// All resources of a type; there is always one, or the test that asks would prove nothing.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Resource<'a>> {
        let resources = self.0["Resources"]
            .as_object()
            .expect("there are resources");
        let mut found = resources
            .iter()
            .filter(move |(_, resource)| resource["Type"] == kind)
            .peekable();
        assert!(found.peek().is_some(), "there is no {kind}");
        found.map(|(name, _)| self.get(name))
    }

    /// Properties of the resources of a type that refer to the named one in the given property.
    pub(crate) fn pointing_at<'a>(
        &'a self,
        kind: &'a str,
        property: &str,
        name: &str,
    ) -> Vec<&'a Value> {
        let properties = self.of(kind).map(|resource| resource.properties);
        properties
            .filter(|properties| target(&properties[property]) == name)
            .collect()
    }

    /// The queues in which failures end, whoever puts them there.
    pub(crate) fn dead_letters(&self) -> BTreeSet<&str> {
        let redriven = self
            .of("AWS::SQS::Queue")
            .map(|queue| &queue.properties["RedrivePolicy"]["deadLetterTargetArn"]);
        let given_up = self.of("AWS::Lambda::EventSourceMapping");
        let given_up = given_up
            .map(|mapping| &mapping.properties["DestinationConfig"]["OnFailure"]["Destination"]);
        redriven
            .chain(given_up)
            .filter(|arn| !arn.is_null())
            .map(target)
            .collect()
    }

    pub(crate) fn alarmed(&self, name: &str, metric: &str) -> bool {
        self.of("AWS::CloudWatch::Alarm").any(|alarm| {
            let dimensions = &alarm.properties["Dimensions"];
            alarm.properties["MetricName"] == metric
                && alarm.properties["ComparisonOperator"] == "GreaterThanThreshold"
                && target(&dimensions[0]["Value"]) == name
        })
    }

    pub(crate) fn lets_in(&self, queue: &str, rule: &str) -> bool {
        let policies = self.of("AWS::SQS::QueuePolicy");
        policies
            .flat_map(|policy| statements(&policy.properties["PolicyDocument"]))
            .any(|statement| {
                target(&statement["Resource"]) == queue
                    && target(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]) == rule
            })
    }

    pub(crate) fn role_statements<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Value> {
        let policies = self.get(role).properties["Policies"]
            .as_array()
            .expect("a role has policies");
        policies
            .iter()
            .flat_map(|policy| statements(&policy["PolicyDocument"]))
    }

    /// Whether the function's role allows the action on the named resource, and names it alone.
    pub(crate) fn may(&self, function: &str, action: &str, name: &str) -> bool {
        let role = target(&self.get(function).properties["Role"]);
        self.role_statements(role).any(|statement| {
            statement["Effect"] == "Allow"
                && actions(statement).any(|allowed| allowed == action)
                && statement["Resource"] == json!({ "Fn::GetAtt": [name, "Arn"] })
        })
    }

    /// A value as it is when every parameter has its default.
    pub(crate) fn resolve(&self, value: &Value) -> Value {
        if let Some(name) = value["Ref"].as_str() {
            self.0["Parameters"][name]["Default"].clone()
        } else if let Some([map, key, field]) = value["Fn::FindInMap"].as_array().map(Vec::as_slice)
        {
            let key = self.resolve(key);
            self.0["Mappings"][text(map)][text(&key)][text(field)].clone()
        } else {
            value.clone()
        }
    }
}

/// The resource that a `Ref` or `Fn::GetAtt` names, or the function that a socket is told to invoke; nothing if the value
/// is none of these.
pub(crate) fn target(value: &Value) -> &str {
    let invoked = value["Fn::Sub"].as_str().and_then(|path| {
        let function = path.split_once(":lambda:path/2015-03-31/functions/${")?.1;
        function.strip_suffix(".Arn}/invocations")
    });
    value["Ref"]
        .as_str()
        .or_else(|| value["Fn::GetAtt"][0].as_str())
        .or(invoked)
        .unwrap_or_default()
}

pub(crate) fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    document["Statement"]
        .as_array()
        .expect("a policy has statements")
        .iter()
}

/// The actions of a statement, which may be one or a list.
pub(crate) fn actions(statement: &Value) -> impl Iterator<Item = &str> {
    let several = statement["Action"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    several.iter().map(text).chain(statement["Action"].as_str())
}

pub(crate) fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not a text"))
}
