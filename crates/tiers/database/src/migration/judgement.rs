//! Whether a program and a database fit: what is missing, and which differences stop a start.

use super::{Applied, Kind, Migration, Migrations};
use crate::error::Error;

/// The steps of `migrations` that `records` lack, or why the program does not start on this database.
pub(super) fn missing(
    component: &str,
    set: &str,
    migrations: &Migrations,
    records: &[Applied],
    is_postgres: bool,
) -> Result<Vec<Migration>, Error> {
    let refused = |message| Err(Error::Open { message });
    for (expected, step) in (1..).zip(migrations.list) {
        if step.number != expected {
            return refused(format!(
                "migration {} of `{component}` stands where {expected:04} belongs; numbers begin at 1 and have no gaps",
                step.file(is_postgres)
            ));
        }
    }
    for record in records {
        match migrations.list.iter().find(|step| step.number == record.number) {
            Some(step) if step.checksum(is_postgres) == record.checksum => {}
            Some(step) => return refused(changed(component, step, record, is_postgres)),
            // A newer program was here; older ones go on with what only expands.
            None if record.kind == Kind::Expand.word() => {}
            None => {
                return refused(format!(
                    "the database of `{component}` has migration {:04}_{} of `{set}`, which this program does not know and \
                     which older programs do not go on with; start the newer program, or restore a backup from before it",
                    record.number, record.name
                ));
            }
        }
    }
    let has = |step: &Migration| records.iter().any(|record| record.number == step.number);
    let missing: Vec<Migration> = migrations.list.iter().filter(|step| !has(step)).copied().collect();
    let newest = records.iter().max_by_key(|record| record.number);
    match (missing.first(), newest) {
        (Some(late), Some(newest)) if late.number < newest.number => refused(format!(
            "migration {} of `{component}` was never run, and {:04}_{} was; steps are run in order: give it a number behind \
             the newest",
            late.file(is_postgres),
            newest.number,
            newest.name
        )),
        _ => Ok(missing),
    }
}

fn changed(component: &str, step: &Migration, record: &Applied, is_postgres: bool) -> String {
    let (file, now) = (step.file(is_postgres), step.checksum(is_postgres));
    if record.name != step.name {
        return format!(
            "migration {:04} of `{component}` was run as {:04}_{} (checksum {}), and here it is {file} (checksum {now}); give \
             the newer one the next free number",
            step.number, record.number, record.name, record.checksum
        );
    }
    format!(
        "migration {file} of `{component}` was changed after it was run: its checksum is {now}, and {} was run; put its old \
         text back, and write what is new into a migration of its own",
        record.checksum
    )
}
