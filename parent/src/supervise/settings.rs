//! What the operator says of the enclave that is to run.

use std::path::PathBuf;

use sealnote_transport::Cid;

use super::{Image, Plan};
use crate::{
    ReloadError,
    settings::{Settings, SettingsError},
};

const NAME: &str = "sealnote";
const CID: Cid = Cid(16);

impl Settings {
    /// The enclave of `sealnote-parent run`.
    pub fn plan(&self) -> Result<Plan, SettingsError> {
        if self.enclave.is_some() {
            return Err(SettingsError::Together(
                "enclave",
                "`run`",
                "it starts the enclave itself, at --enclave-cid",
            ));
        }
        if self.answer_heartbeat.is_some() {
            return Err(SettingsError::Together(
                "answer-heartbeat",
                "`run`",
                "nitro-cli answers its enclaves itself, and cannot if anybody else does",
            ));
        }
        let image = Image {
            eif: self.eif.clone().ok_or(SettingsError::Missing("eif"))?,
            memory_mib: self.memory.ok_or(SettingsError::Missing("memory"))?,
            cpus: self.cpus.ok_or(SettingsError::Missing("cpus"))?,
            debug: self.debug_console.unwrap_or(false),
        };
        let name = self.enclave_name.clone().unwrap_or_else(|| NAME.into());
        let mut plan = Plan::new(image, name, self.enclave_cid.map_or(CID, Cid));
        if let Some(program) = &self.nitro_cli {
            plan.nitro_cli.program = PathBuf::clone(program);
        }
        plan.state_file = self.state_file.clone();
        plan.replace_by_restart = self.replace_by_restart.unwrap_or(false);
        plan.keep = self.keep_enclave.unwrap_or(false);
        Ok(plan)
    }

    /// What is of use only with `run` is not given without it.
    pub(crate) fn without_run(&self) -> Result<(), SettingsError> {
        let given = [
            ("eif", self.eif.is_some()),
            ("memory", self.memory.is_some()),
            ("cpus", self.cpus.is_some()),
            ("enclave-name", self.enclave_name.is_some()),
            ("enclave-cid", self.enclave_cid.is_some()),
            ("nitro-cli", self.nitro_cli.is_some()),
            ("state-file", self.state_file.is_some()),
            ("debug-console", self.debug_console.is_some()),
            ("replace-by-restart", self.replace_by_restart.is_some()),
            ("keep-enclave", self.keep_enclave.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => Err(SettingsError::Together(
                name,
                "a parent that starts no enclave",
                "it is for `sealnote-parent run`",
            )),
            None => Ok(()),
        }
    }
}

impl Plan {
    /// What only a start can change is as it was.
    pub(crate) fn stays(&self, new: &Plan) -> Result<(), ReloadError> {
        let changed = [
            ("enclave-name", self.name != new.name),
            ("enclave-cid", self.cid != new.cid),
            ("nitro-cli", self.nitro_cli.program != new.nitro_cli.program),
            ("state-file", self.state_file != new.state_file),
            (
                "replace-by-restart",
                self.replace_by_restart != new.replace_by_restart,
            ),
            ("keep-enclave", self.keep != new.keep),
        ];
        match changed.into_iter().find(|(_, has_changed)| *has_changed) {
            Some((name, _)) => Err(ReloadError::Fixed(name)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_and_what_it_gets_are_needed() {
        let mut settings = Settings::default();
        for missing in ["eif", "memory", "cpus"] {
            let error = settings.plan().unwrap_err();
            assert!(matches!(error, SettingsError::Missing(name) if name == missing));
            match missing {
                "eif" => settings.eif = Some("a.eif".into()),
                "memory" => settings.memory = 512.try_into().ok(),
                _ => settings.cpus = 2.try_into().ok(),
            }
        }
        let plan = settings.plan().unwrap();
        assert_eq!((plan.name.as_str(), plan.cid), ("sealnote", Cid(16)));
        assert_eq!(plan.nitro_cli.program, PathBuf::from("nitro-cli"));
        assert!(!plan.image.debug && !plan.replace_by_restart && !plan.keep);
    }

    #[test]
    fn what_belongs_to_one_form_is_refused_by_the_other() {
        let settings = Settings {
            cpus: 2.try_into().ok(),
            ..Settings::default()
        };
        let error = settings.without_run().unwrap_err().to_string();
        let expected = "cpus does not go with a parent that starts no enclave: it is for `sealnote-parent run`";
        assert_eq!(error, expected);
        let settings = Settings {
            answer_heartbeat: "vsock:any:9000".parse().ok(),
            ..Settings::default()
        };
        settings.without_run().unwrap();
        let error = settings.plan().unwrap_err().to_string();
        assert!(
            error.starts_with("answer-heartbeat does not go with `run`: "),
            "{error}"
        );
    }
}
