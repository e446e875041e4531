//! A portal's flows through its router, against a simulator of the exchange.

#[cfg(test)]
mod api;
#[cfg(test)]
mod backchannel;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod login;
#[cfg(test)]
mod logout;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod step_up;
