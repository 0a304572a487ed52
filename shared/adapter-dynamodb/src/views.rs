//! Views on a DynamoDB table: key `k`, revision `r`, the view itself as JSON in `b`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use ports::{Consistency, LoadView, Revision, SaveView, SaveViewError, Soon, Unavailable, Viewed};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::item::{number, parsed, string, text};
use crate::unavailable;

/// Views in one table. Clones share the connection. Errors and costs are those that the traits name.
#[derive(Debug, Clone)]
pub struct Views {
    client: Client,
    table: String,
}

impl Views {
    /// Views in this table.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }
}

impl LoadView for Views {
    async fn load<V: DeserializeOwned>(
        &self,
        key: &str,
        consistency: Consistency,
    ) -> Result<Option<Viewed<V>>, Unavailable> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("k", string(key))
            .consistent_read(consistency == Consistency::Strong)
            .send()
            .await
            .map_err(unavailable("dynamodb:GetItem"))?;
        let Some(item) = output.item else {
            return Ok(None);
        };
        let unreadable = || {
            Unavailable::new("dynamodb:GetItem", format!("the view {key} cannot be read"))
                .again(Soon::Unlikely)
        };
        let body = text(&item, "b").ok_or_else(unreadable)?;
        Ok(Some(Viewed {
            view: serde_json::from_str(body).map_err(|_| unreadable())?,
            revision: Revision(parsed(&item, "r").ok_or_else(unreadable)?),
        }))
    }
}

impl SaveView for Views {
    async fn save<V: Serialize + Sync>(
        &self,
        key: &str,
        view: &V,
        seen: Revision,
    ) -> Result<(), SaveViewError> {
        let body = serde_json::to_string(view)
            .map_err(|error| Unavailable::new("dynamodb:PutItem", error).again(Soon::Unlikely))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("k", string(key))
            .item("r", number(seen.0 + 1))
            .item("b", string(body));
        let put = match seen {
            Revision(0) => put.condition_expression("attribute_not_exists(k)"),
            Revision(seen) => put
                .condition_expression("r = :seen")
                .expression_attribute_values(":seen", number(seen)),
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => {
                    Err(SaveViewError::Conflict)
                }
                _ => Err(unavailable("dynamodb:PutItem")(error).into()),
            },
        }
    }
}
