//! Who does not reach whom in a partition.

use crate::fault::PartitionShape;
use crate::random::Draw;

/// Who does not reach whom, each in this direction.
pub(super) type Cuts = Vec<(String, String)>;

/// A partition that separates clients from servers, rather than servers, where clients stay whole.
const CLIENTS_OFF: f64 = 0.25;

/// Whether a partition of this shape exists among them.
pub(super) fn is_possible(shape: PartitionShape, servers: &[&str], clients: &[&str], whole: bool) -> bool {
    // Who is cut off is drawn; whether anybody can be is not.
    !cuts(shape, servers, clients, whole, &mut Draw::new(0, "possible")).is_empty()
}

/// A partition of this shape; empty if they are too few for one. If clients stay whole, each of them reaches all
/// servers or none.
pub(super) fn cuts(shape: PartitionShape, servers: &[&str], clients: &[&str], whole: bool, draw: &mut Draw) -> Cuts {
    let mut cuts = Cuts::new();
    match shape {
        PartitionShape::Halves | PartitionShape::OneWay => {
            let (near, far) = sides(servers, clients, whole, draw);
            cut(&near, &far, &mut cuts);
            if shape == PartitionShape::Halves {
                cut(&far, &near, &mut cuts);
            }
        }
        PartitionShape::IsolateLeader => {
            let alone = draw.pick(if servers.is_empty() { clients } else { servers });
            let alone: Vec<&str> = alone.copied().into_iter().collect();
            let mut others = members(servers, clients, whole && servers.len() > 1);
            others.retain(|other| !alone.contains(other));
            cut(&alone, &others, &mut cuts);
            cut(&others, &alone, &mut cuts);
        }
        PartitionShape::Bridge => {
            let mut others = members(servers, clients, whole);
            if others.len() >= 3 {
                let bridge = draw.pick(if servers.is_empty() { clients } else { servers });
                others.retain(|other| Some(other) != bridge);
                draw.shuffle(&mut others);
                let (near, far) = others.split_at(others.len() / 2);
                cut(near, far, &mut cuts);
                cut(far, near, &mut cuts);
            }
        }
        PartitionShape::Ring => {
            let mut ring = members(servers, clients, whole || servers.len() >= 4);
            draw.shuffle(&mut ring);
            for (at, node) in ring.iter().enumerate() {
                for (other_at, other) in ring.iter().enumerate() {
                    let apart = at.abs_diff(other_at);
                    if apart > 1 && apart < ring.len() - 1 {
                        cut(&[node], &[other], &mut cuts);
                    }
                }
            }
        }
    }
    cuts
}

fn members<'n>(servers: &[&'n str], clients: &[&'n str], servers_only: bool) -> Vec<&'n str> {
    let clients = if servers_only { &[] } else { clients };
    [servers, clients].concat()
}

/// Two sides that are not empty, if there are two nodes; both have servers, if there are two servers.
fn sides<'n>(servers: &[&'n str], clients: &[&'n str], whole: bool, draw: &mut Draw) -> (Vec<&'n str>, Vec<&'n str>) {
    let clients_off = whole && !clients.is_empty() && draw.chance(CLIENTS_OFF);
    if whole && (clients_off || servers.len() < 2) {
        let off = halves(clients, 0, draw).1;
        let mut sides = (servers.to_vec(), off);
        if servers.is_empty() {
            sides = halves(clients, 1, draw);
        }
        if draw.chance(0.5) {
            sides = (sides.1, sides.0);
        }
        return sides;
    }
    if servers.len() < 2 {
        return halves(&members(servers, clients, false), 1, draw);
    }
    let (mut near, mut far) = halves(servers, 1, draw);
    for client in if whole { &[] } else { clients } {
        let side = if draw.chance(0.5) { &mut near } else { &mut far };
        side.push(client);
    }
    (near, far)
}

/// Two parts in a drawn order, the first of at least so many, the second of at least one.
fn halves<'n>(nodes: &[&'n str], near_min: usize, draw: &mut Draw) -> (Vec<&'n str>, Vec<&'n str>) {
    let mut near = nodes.to_vec();
    if near.len() <= near_min {
        return (near, Vec::new());
    }
    draw.shuffle(&mut near);
    let far = near.split_off(near_min + draw.below((nodes.len() - near_min) as u64) as usize);
    (near, far)
}

fn cut(from: &[&str], to: &[&str], cuts: &mut Cuts) {
    for from in from {
        cuts.extend(to.iter().map(|to| (from.to_string(), to.to_string())));
    }
}
