//! Holds each row of the table to the codec and to what is agreed on at hello.

use terrace::Shape;
use wire::hello::agree;
use wire::release::{Edge, JobKind, Release, Released, StoredJobs, StoredSession, Verdict, What, check};
use wire::shape::{Field, TypeRef, Types};
use wire::{Codec, Interface, Limits, Marks, Method};

use crate::table;

/// Data as both builds have it.
pub trait Crossing: Shape + serde::Serialize + serde::de::DeserializeOwned {}

impl<T: Shape + serde::Serialize + serde::de::DeserializeOwned> Crossing for T {}

/// One kind of change.
pub struct Row {
    name: &'static str,
    expected: [Option<Verdict>; 3],
    old: Build,
    new: Build,
    /// Whether the new build reads all that the old one wrote, and the other way.
    reads: (bool, bool),
}

/// What one build makes of a type.
struct Build {
    argument: Interface,
    result: Interface,
    jobs: StoredJobs,
    session: StoredSession,
}

impl Row {
    pub fn new<O: Crossing, N: Crossing>(
        name: &'static str,
        expected: [Option<Verdict>; 3],
        old: Vec<O>,
        new: Vec<N>,
    ) -> Row {
        Row {
            name,
            expected,
            old: Build::new::<O>(),
            new: Build::new::<N>(),
            reads: (reads::<O, N>(&old), reads::<N, O>(&new)),
        }
    }
}

/// Whether a `R` reads every value that a `W` wrote.
fn reads<W: Crossing, R: Crossing>(values: &[W]) -> bool {
    values.iter().all(|value| {
        let mut written = Vec::new();
        wire::encode(Codec::Tagged, value, &mut written).expect("it can be written");
        wire::decode::<R>(Codec::Tagged, &written, &Limits::default()).is_ok()
    })
}

impl Build {
    fn new<T: Crossing>() -> Build {
        let mut types = Types::new();
        let shape = T::shape(&mut types);
        let types = types.into_defs();
        let interface = |arguments: Vec<Field>, output: TypeRef| Interface {
            name: "Shelf".to_owned(),
            owner: Some("shelf-team".to_owned()),
            requires: None,
            doc: String::new(),
            methods: vec![Method {
                name: "put".to_owned(),
                doc: String::new(),
                marks: Marks {
                    once: true,
                    ..Marks::default()
                },
                arguments,
                output,
                error: TypeRef::Unit,
            }],
            types: types.clone(),
        };
        let value = Field {
            name: "value".to_owned(),
            optional: matches!(shape, TypeRef::Option(_)),
            type_ref: shape.clone(),
        };
        Build {
            argument: interface(vec![value], TypeRef::Unit),
            result: interface(Vec::new(), shape.clone()),
            jobs: StoredJobs {
                component: "Shelf".to_owned(),
                kinds: vec![JobKind {
                    name: "dust".to_owned(),
                    steps: Vec::new(),
                    payload: shape.clone(),
                }],
                types: types.clone(),
            },
            session: StoredSession {
                front: "Site".to_owned(),
                data: shape,
                types,
            },
        }
    }
}

/// A release in which `Desk` calls `Shelf`.
pub fn release(shelf: &Interface, jobs: &[StoredJobs]) -> Release {
    Release {
        components: vec![Released {
            interface: shelf.clone(),
        }],
        calls: vec![Edge {
            caller: "Desk".to_owned(),
            callee: "Shelf".to_owned(),
        }],
        jobs: jobs.to_vec(),
        ..Release::default()
    }
}

/// Whether calls work with an old caller and a new callee, and with a new caller and an old callee, as far as the verdict
/// says it.
pub fn states(verdict: Option<Verdict>) -> (bool, bool) {
    use wire::release::Order::{CalleeFirst, CallerFirst, OldStopsFirst};
    match verdict {
        None | Some(Verdict::Safe) => (true, true),
        Some(Verdict::Ordered(CalleeFirst | OldStopsFirst)) => (true, false),
        Some(Verdict::Ordered(CallerFirst)) => (false, true),
        Some(Verdict::Breaking) => (false, false),
    }
}

#[test]
fn each_change_of_data_has_its_verdict() {
    let rows = table::rows();
    assert!(rows.len() >= 40, "{} kinds of change", rows.len());
    for row in rows {
        let verdict = |old: &Interface, new: &Interface, stored: bool| {
            let (old, new) = (release(old, &[]), release(new, &[]));
            let report = check(&old, &new);
            let is_wanted = |what: &What| matches!(what, What::Answer { .. }) == stored;
            let found = report.changes.iter().find(|change| is_wanted(&change.what));
            found.map(|change| {
                assert!(!change.why.is_empty(), "{}", row.name);
                assert_eq!(change.callee_owner.as_deref(), Some("shelf-team"));
                change.verdict
            })
        };
        let argument = verdict(&row.old.argument, &row.new.argument, false);
        let result = verdict(&row.old.result, &row.new.result, false);
        let answer = verdict(&row.old.result, &row.new.result, true);
        assert_eq!([argument, result, answer], row.expected, "{}", row.name);
        let with = |jobs: &StoredJobs| release(&row.old.argument, std::slice::from_ref(jobs));
        let (old, new) = (with(&row.old.jobs), with(&row.new.jobs));
        let job = check(&old, &new).changes.first().map(|change| change.verdict);
        assert_eq!(job, row.expected[2], "{} as the payload of a job", row.name);
        let with = |session: &StoredSession| Release {
            sessions: vec![session.clone()],
            ..release(&row.old.argument, &[])
        };
        let report = check(&with(&row.old.session), &with(&row.new.session));
        let session = report.changes.first().map(|change| (&change.what, change.verdict));
        let site = What::Session {
            front: "Site".to_owned(),
        };
        let expected = row.expected[2].map(|verdict| (&site, verdict));
        assert_eq!(session, expected, "{} in a session", row.name);
    }
}

#[test]
fn two_builds_do_to_each_other_what_the_verdict_says() {
    for row in table::rows() {
        let [argument, result, stored] = row.expected;
        let (new_reads, old_reads) = row.reads;
        // What does not fit is refused at hello, before anything is written.
        let agree = |caller: &Interface, callee: &Interface| agree(caller, callee, 0).is_ok();
        let old_calls = agree(&row.old.argument, &row.new.argument) && new_reads;
        let new_calls = agree(&row.new.argument, &row.old.argument) && old_reads;
        assert_eq!((old_calls, new_calls), states(argument), "{} as an argument", row.name);
        let old_calls = agree(&row.old.result, &row.new.result) && old_reads;
        let new_calls = agree(&row.new.result, &row.old.result) && new_reads;
        assert_eq!((old_calls, new_calls), states(result), "{} as a result", row.name);
        match stored {
            // Nothing is promised of the other way.
            Some(Verdict::Breaking) => assert!(!new_reads, "{} as what is stored", row.name),
            stored => assert_eq!((new_reads, old_reads), states(stored), "{} as what is stored", row.name),
        }
    }
}

#[test]
fn what_an_other_case_passes_over_is_read_within_the_limits() {
    #[terrace::data]
    enum Seen {
        Open,
        #[other]
        Else,
    }
    let read = |text: &str| wire::decode::<Vec<Seen>>(Codec::Json, text.as_bytes(), &Limits::default());
    let seen = read(r#"["Open", "Done", {"Due": [1, {"at": 2}]}, {"Held": null}, "Open"]"#);
    assert_eq!(
        seen,
        Ok(vec![Seen::Open, Seen::Else, Seen::Else, Seen::Else, Seen::Open])
    );
    // What is cut inside the data that is passed over is an error still, and so is what is nested past the limit.
    assert!(read(r#"[{"Due": [1, 2"#).is_err());
    let deep = [&b"\x91\x81\xa3Due"[..], &[0x91; 200], b"\xc0"].concat();
    let error = wire::decode::<Vec<Seen>>(Codec::Tagged, &deep, &Limits::default()).expect_err("it is too deep");
    assert!(error.to_string().contains("nested past"), "{error}");
}
