//! What the words do to a model.

use crate::fault::PartitionShape;
use crate::model::presets::{CLOCK_DRIFT_PPM, CLOCK_OFFSET, CLOCK_UNCERTAINTY, CORRUPTION, DUPLICATION, LOSS};
use crate::model::words::Value;
use crate::model::{Clocks, Disk, Faulty, Links, Model, Processes, Timing};

type Applied = Result<(), &'static str>;

pub(super) fn rounds(model: &mut Model, _: Value) -> Applied {
    match &mut model.timing {
        Timing::Synchronous { rounds, .. } => *rounds = true,
        _ => return Err("lock-step rounds need bounded delays: begin with `synchronous`"),
    }
    Ok(())
}

pub(super) fn delay(model: &mut Model, value: Value) -> Applied {
    match &mut model.timing {
        Timing::Synchronous { delay_max, .. } | Timing::PartiallySynchronous { delay_max, .. } => {
            *delay_max = value.duration(*delay_max);
            Ok(())
        }
        Timing::Asynchronous => Err("there is no bound on delays here: begin with `synchronous` or `datacentre`"),
    }
}

pub(super) fn stable_after(model: &mut Model, value: Value) -> Applied {
    match &mut model.timing {
        Timing::PartiallySynchronous { stable_after, .. } => {
            *stable_after = value.duration(*stable_after);
            Ok(())
        }
        Timing::Synchronous { .. } => Err("delays are bounded from the beginning here: begin with `datacentre`"),
        Timing::Asynchronous => Err("delays are never bounded here: begin with `datacentre`"),
    }
}

pub(super) fn processes(model: &mut Model, processes: Processes, faulty_max: Option<Faulty>) -> Applied {
    model.processes = processes;
    model.faulty_max = faulty_max.unwrap_or(model.faulty_max);
    Ok(())
}

pub(super) fn faulty(model: &mut Model, faulty_max: Faulty) -> Applied {
    model.faulty_max = faulty_max;
    Ok(())
}

pub(super) fn disk(model: &mut Model, disk: Disk) -> Applied {
    model.disk = disk;
    Ok(())
}

pub(super) fn links(model: &mut Model, links: Links) -> Applied {
    model.links = links;
    Ok(())
}

/// What a link loses and doubles, and whether it reorders.
fn lossiness(links: Links) -> (f64, f64, bool) {
    match links {
        Links::Perfect | Links::Authenticated => (LOSS, 0.0, false),
        Links::FairLossy {
            loss,
            duplication,
            reorder,
        } => (loss, duplication, reorder),
        Links::Corrupting { loss, duplication, .. } => (loss, duplication, true),
    }
}

pub(super) fn lossy(model: &mut Model, value: Value) -> Applied {
    let (loss, duplication, reorder) = lossiness(model.links);
    model.links = Links::FairLossy {
        loss: value.share(loss),
        duplication,
        reorder,
    };
    Ok(())
}

pub(super) fn corrupting(model: &mut Model, value: Value) -> Applied {
    let (loss, duplication, _) = lossiness(model.links);
    model.links = Links::Corrupting {
        loss,
        duplication,
        corruption: value.share(CORRUPTION),
    };
    Ok(())
}

pub(super) fn duplicating(model: &mut Model, value: Value) -> Applied {
    let (loss, _, reorder) = lossiness(model.links);
    let doubled = value.share(DUPLICATION);
    match &mut model.links {
        Links::Corrupting { duplication, .. } => *duplication = doubled,
        links => {
            *links = Links::FairLossy {
                loss,
                duplication: doubled,
                reorder,
            }
        }
    }
    Ok(())
}

pub(super) fn reordering(model: &mut Model, _: Value) -> Applied {
    let (loss, duplication, _) = lossiness(model.links);
    if !matches!(model.links, Links::Corrupting { .. }) {
        model.links = Links::FairLossy {
            loss,
            duplication,
            reorder: true,
        };
    }
    Ok(())
}

pub(super) fn partition(model: &mut Model, shape: PartitionShape) -> Applied {
    model.partitions.insert(shape);
    Ok(())
}

pub(super) fn clocks(model: &mut Model, clocks: Clocks) -> Applied {
    model.clocks = clocks;
    Ok(())
}

pub(super) fn bounded_clocks(model: &mut Model, value: Value) -> Applied {
    let uncertainty = value.duration(CLOCK_UNCERTAINTY);
    clocks(model, Clocks::Bounded { uncertainty })
}

pub(super) fn skewed_clocks(model: &mut Model, value: Value) -> Applied {
    let skewed = Clocks::Skewed {
        offset: value.duration(CLOCK_OFFSET),
        drift_ppm: CLOCK_DRIFT_PPM,
        jumps: false,
    };
    clocks(model, skewed)
}

pub(super) fn jumps(model: &mut Model, _: Value) -> Applied {
    if !matches!(model.clocks, Clocks::Skewed { .. }) {
        skewed_clocks(model, Value::None)?;
    }
    if let Clocks::Skewed { jumps, .. } = &mut model.clocks {
        *jumps = true;
    }
    Ok(())
}

pub(super) fn clients_whole(model: &mut Model, whole: bool) -> Applied {
    model.clients_whole = whole;
    Ok(())
}
