//! The tables of a configuration, one after the other; those of tiers are in `tiers.rs`.

use toml::de::DeTable;
use world::Address;

use super::known::{CALLS, COMPONENT, FACE, LOG, ROOT, SERVICE};
use super::nearest::{shown, suggested};
use super::problem::Problems;
use super::secret::{Kept, secret};
use super::table::{At, Table, table_of, text_of};
use super::{ComponentConfig, Config, FORMATS, FaceConfig, LEVELS, address};
use super::{feeds, front, tiers};

const TOKEN: Kept = Kept {
    key: "service.token",
    variable: "TERRACE_TOKEN",
};

impl Config {
    pub(super) fn read_root(&mut self, root: &DeTable<'_>, problems: &mut Problems<'_>) {
        let tables = Table::new("the configuration", root, ROOT);
        if let Some(At { value: table, .. }) = tables.table("service", problems) {
            self.read_service(table, problems);
        }
        if let Some(At { value: table, .. }) = tables.table("face", problems) {
            self.face = Some(read_face(table, problems));
        }
        if let Some(At { value: table, .. }) = tables.table("front", problems) {
            self.front = front::read(table, problems, &mut self.warnings);
        }
        if let Some(At { value: table, .. }) = tables.table("feeds", problems) {
            self.feeds = feeds::read(table, problems);
        }
        if let Some(At { value: table, .. }) = tables.table("log", problems) {
            self.read_log(table, problems);
        }
        if let Some(At { value: table, .. }) = tables.table("calls", problems) {
            let calls = Table::new("[calls]", table, CALLS);
            if let Some(bytes) = calls.bytes("decoded_bytes_max", problems) {
                self.calls.decoded_bytes_max = bytes.value;
            }
            calls.finish(problems);
        }
        if let Some(At { value: table, .. }) = tables.table("tiers", problems) {
            self.tiers = tiers::read(table, problems, &mut self.warnings);
        }
        if let Some(At { value: components, .. }) = tables.table("components", problems) {
            for (name, value) in components {
                let place = format!("[components.{}]", shown(name.get_ref()));
                let Some(table) = table_of(value, &place, problems) else {
                    continue;
                };
                let component = read_component(&place, table, problems);
                self.components.insert(name.get_ref().to_string(), component);
            }
        }
        if let Some(At { value: external, .. }) = tables.table("external", problems) {
            self.read_external(external, problems);
        }
        tables.finish(problems);
    }

    fn read_service(&mut self, table: &DeTable<'_>, problems: &mut Problems<'_>) {
        let service = Table::new("[service]", table, SERVICE);
        let listen = service.text("listen", problems);
        self.service.listen = listen.and_then(|text| address_at(text, problems));
        let token = secret(&service, "token", &TOKEN, problems, &mut self.warnings);
        self.service.token = token.map(|token| token.value);
        service.finish(problems);
    }

    fn read_log(&mut self, table: &DeTable<'_>, problems: &mut Problems<'_>) {
        let log = Table::new("[log]", table, LOG);
        if let Some(text) = log.text("format", problems) {
            self.log.format = word(text, "`format` in [log]", FORMATS, problems).unwrap_or_default();
        }
        if let Some(text) = log.text("level", problems) {
            self.log.level = word(text, "`level` in [log]", LEVELS, problems).unwrap_or_default();
        }
        if let Some(targets) = log
            .value("targets")
            .and_then(|value| table_of(value, "[log.targets]", problems))
        {
            for (target, value) in targets.value {
                let place = format!("`{}` in [log.targets]", shown(target.get_ref()));
                let text = text_of(value, &place, problems);
                if let Some(level) = text.and_then(|text| word(text, &place, LEVELS, problems)) {
                    self.log.targets.insert(target.get_ref().to_string(), level);
                }
            }
        }
        log.finish(problems);
    }
}

fn read_face(table: &DeTable<'_>, problems: &mut Problems<'_>) -> FaceConfig {
    let face = Table::new("[face]", table, FACE);
    let config = FaceConfig {
        on: face.boolean("on", problems).is_none_or(|on| on.value),
        hosts: face
            .texts("hosts", r#"["todo.example"]"#, problems)
            .map(|hosts| hosts.value)
            .unwrap_or_default(),
        origins: face
            .texts("origins", r#"["https://todo.example"]"#, problems)
            .map(|origins| origins.value)
            .unwrap_or_default(),
        request_bytes_max: face.bytes("request_bytes_max", problems).map(|bytes| bytes.value),
    };
    face.finish(problems);
    config
}

fn read_component(place: &str, table: At<&DeTable<'_>>, problems: &mut Problems<'_>) -> ComponentConfig {
    let component = Table::new(place, table.value, COMPONENT);
    let module = component.text("module", problems);
    let at = component.text("at", problems);
    let config = component.value("config");
    component.finish(problems);
    if let Some(at) = &at {
        let module = module.as_ref().map(|module| (module.span.clone(), "module"));
        let config = config.map(|config| (config.span(), "config"));
        for (span, key) in module.into_iter().chain(config) {
            let message = format!(
                "`{key}` in {place} is of a module here, but `at` says that the component runs at `{}`; remove one",
                shown(&at.value)
            );
            problems.add(&span, message);
        }
    }
    if let Some(value) = config {
        let _ = table_of(value, &format!("`config` in {place}"), problems);
    }
    ComponentConfig {
        module: module.map(|module| module.value),
        at: at.and_then(|text| address_at(text, problems)),
        span: table.span,
    }
}

pub(super) fn address_at(text: At<String>, problems: &mut Problems<'_>) -> Option<Address> {
    let read = address(&text.value);
    read.map_err(|error| problems.add(&text.span, error)).ok()
}

fn word<T: Copy>(text: At<String>, place: &str, words: &[(&str, T)], problems: &mut Problems<'_>) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        let suggested = suggested(&text.value, words.iter().map(|(word, _)| *word));
        problems.add(&text.span, format!("{place}: unknown {suggested}"));
    }
    found.map(|(_, value)| *value)
}
