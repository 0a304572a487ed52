//! A customer: whom to tell, and whether they may order.

use envelope::event_set;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Aggregate;
use crate::events::{Address, UserAddressChanged, UserRegistered};

event_set! {
    /// What can happen to a customer.
    pub enum CustomerEvent { UserRegistered, UserAddressChanged }
}

/// Marker of the customer aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Customer;

/// What is known of a customer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// `None` before registration.
    pub profile: Option<Profile>,
    /// Where parcels go whose order does not say.
    pub address: Option<Address>,
}

/// A registered customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Name to address them by.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Phone number in E.164 form.
    pub phone: String,
    /// Whether they may order.
    pub active: bool,
}

/// Requests to a customer's stream.
#[derive(Debug, Clone)]
pub enum Command {
    /// Take a registration over.
    Register(UserRegistered),
    /// Remember another address.
    ChangeAddress(UserAddressChanged),
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The id is taken by a registration with other contents.
    #[error("the customer is registered already, with other details")]
    AlreadyRegistered,
    /// There is nobody of this id, or not yet.
    #[error("the customer is not registered")]
    Unknown,
}

impl Aggregate for Customer {
    type State = State;
    type Event = CustomerEvent;
    type Command = Command;
    type Rejection = Rejection;
    const TYPE: &'static str = "Customer";
    const LAYOUT: u32 = 0xacc3_601d;

    fn decide(state: &State, command: &Command) -> Result<Vec<CustomerEvent>, Rejection> {
        match (&state.profile, command) {
            (None, Command::Register(registered)) => Ok(vec![registered.clone().into()]),
            (Some(profile), Command::Register(registered))
                if *profile == profile_of(registered) =>
            {
                Ok(vec![])
            }
            (Some(_), Command::Register(_)) => Err(Rejection::AlreadyRegistered),
            (None, Command::ChangeAddress(_)) => Err(Rejection::Unknown),
            (Some(_), Command::ChangeAddress(changed)) => {
                let known = state.address.as_ref() == Some(&changed.address);
                Ok(if known {
                    vec![]
                } else {
                    vec![changed.clone().into()]
                })
            }
        }
    }

    fn evolve(state: State, event: &CustomerEvent) -> State {
        match event {
            CustomerEvent::UserRegistered(registered) => State {
                profile: Some(profile_of(registered)),
                ..state
            },
            CustomerEvent::UserAddressChanged(changed) => State {
                address: Some(changed.address.clone()),
                ..state
            },
        }
    }
}

fn profile_of(registered: &UserRegistered) -> Profile {
    Profile {
        name: registered.name.clone(),
        email: registered.email.clone(),
        phone: registered.phone.clone(),
        active: registered.active,
    }
}

/// Why a customer may not order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MayNotOrder {
    /// No registration has arrived. One may be on its way.
    #[error("the customer is not registered")]
    Unknown,
    /// The account is closed.
    #[error("the customer is not active")]
    Inactive,
}

impl State {
    /// Whether the customer may order.
    ///
    /// # Errors
    /// The reason why not.
    pub fn may_order(&self) -> Result<(), MayNotOrder> {
        match &self.profile {
            None => Err(MayNotOrder::Unknown),
            Some(profile) if !profile.active => Err(MayNotOrder::Inactive),
            Some(_) => Ok(()),
        }
    }
}
