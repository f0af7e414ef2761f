//! Says what weights promise.
#![forbid(unsafe_code)]

use crate::model::{DestinationState, ServiceState};
use crate::schedulers::Promise;

/// Returns the sum of which each weight is the promised share; `None` where the scheduler promises
/// none, and where one server gets all that comes.
pub fn whole(service: &ServiceState, destinations: &[DestinationState]) -> Option<u128> {
    if Promise::by(service.service.scheduler.as_bytes()) != Some(Promise::ByWeight) {
        return None;
    }
    let weights = destinations
        .iter()
        .map(|state| u128::from(state.destination.weight))
        .filter(|weight| *weight > 0);
    (weights.clone().count() > 1).then(|| weights.sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KernelName;
    use crate::samples;
    use crate::schedulers::SCHEDULERS;

    #[test]
    fn weights_promise_shares_where_the_scheduler_heeds_them() {
        let promised = |scheduler: &str, weights: &[u32]| {
            let mut service = samples::service();
            service.service.scheduler = KernelName::from(scheduler);
            let servers = weights.iter().map(|weight| {
                let mut server = samples::destination();
                server.destination.weight = *weight;
                server
            });
            whole(&service, &servers.collect::<Vec<_>>())
        };
        for (scheduler, _) in SCHEDULERS {
            let expected = match scheduler {
                "wrr" | "wlc" | "sed" | "nq" | "sh" | "mh" | "twos" => Some(8),
                _ => None,
            };
            assert_eq!(promised(scheduler, &[5, 0, 3]), expected, "{scheduler}");
        }
        assert_eq!(promised("wrr", &[i32::MAX as u32; 3]), Some(6_442_450_941));
        assert_eq!(promised("wrr", &[0, 4, 0]), None);
        assert_eq!(promised("another", &[5, 3]), None);
    }
}
