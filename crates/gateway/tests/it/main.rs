//! Decisions of a whole gateway, from configuration text to the outgoing request.

mod api_keys;
#[cfg(test)]
mod applications;
#[cfg(test)]
mod bound_tokens;
mod caching;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod compatibility;
mod decisions;
#[cfg(test)]
mod http_stores;
#[cfg(test)]
mod identity_providers;
mod limits;
#[cfg(test)]
mod load_rules;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod same_user;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod treatment;
mod user_stores;
