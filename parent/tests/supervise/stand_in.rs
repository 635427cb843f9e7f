//! A program that answers as `nitro-cli` does, and whose enclaves are processes that listen on Unix sockets.
//!
//! It is this test's own binary under the name `nitro-cli`, by a symbolic link in the folder that is its machine:
//! `memory` and `cpus` of the allocator, `calls` that were made, and `fail-COMMAND` (an exit code, and below it what
//! standard error gets), `print-COMMAND` (instead of its answer), `hang-COMMAND` (before it does anything) and
//! `late-COMMAND` (after it has). An image is a text: `dies` ends before it answers, `silent` never does, and what
//! begins with `damaged` has a wrong checksum; any other is sent to whoever connects.

use std::{
    collections::hash_map::DefaultHasher,
    env,
    fs::{self, File, OpenOptions, TryLockError},
    hash::{Hash, Hasher},
    io::{Read, Write},
    os::unix::{
        net::{UnixListener, UnixStream},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio, exit},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Runs if this process is one of the stand-ins, and does not return then.
pub fn run_if_named_so() {
    let arguments: Vec<String> = env::args().collect();
    let name = Path::new(&arguments[0]);
    if name.ends_with("nitro-cli") {
        let machine = Machine {
            folder: name.parent().unwrap().to_owned(),
        };
        machine.call(&arguments[1], &arguments[2..]);
        exit(0);
    }
    if name.ends_with("enclave") {
        enclave(Path::new(&arguments[1]), &arguments[2], &arguments[3]);
        exit(0);
    }
}

/// The measurement of an image of that text.
pub fn pcr0(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish()).repeat(6)
}

pub struct Machine {
    pub folder: PathBuf,
}

impl Machine {
    pub fn new(folder: &Path) -> Self {
        std::os::unix::fs::symlink(env::current_exe().unwrap(), folder.join("nitro-cli")).unwrap();
        Machine {
            folder: folder.to_owned(),
        }
    }

    /// Ends an enclave without an order.
    pub fn kill(&self, id: &str) {
        fs::remove_file(self.path(id, "alive")).unwrap();
        self.await_end(id);
    }

    /// What runs, as `nitro-cli` lists it.
    pub fn running(&self) -> Vec<Value> {
        let mut running = Vec::new();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            let Some(id) = path.to_str().unwrap().strip_suffix(".lock") else {
                continue;
            };
            let id = Path::new(id).file_name().unwrap().to_str().unwrap();
            if self.is_running(id) {
                let json = fs::read(self.path(id, "json")).unwrap();
                running.push(serde_json::from_slice(&json).unwrap());
            }
        }
        running
    }

    /// The calls of one command, with their arguments.
    pub fn calls(&self, command: &str) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        let of_command = |line: &&str| line.split(' ').next() == Some(command);
        calls
            .lines()
            .filter(of_command)
            .map(str::to_owned)
            .collect()
    }

    fn call(&self, command: &str, arguments: &[String]) {
        let mut calls = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.folder.join("calls"))
            .unwrap();
        writeln!(calls, "{command} {}", arguments.join(" ")).unwrap();
        let told = |what: &str| fs::read_to_string(self.folder.join(format!("{what}-{command}")));
        if told("hang").is_ok() {
            thread::sleep(LONG);
        }
        if let Ok(text) = told("fail") {
            let (code, said) = text.split_once('\n').unwrap();
            eprint!("{said}");
            exit(code.parse().unwrap());
        }
        let value = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag);
            at.map(|at| arguments[at + 1].as_str())
        };
        let answer = match command {
            "describe-eif" => describe_image(value("--eif-path").unwrap()),
            "describe-enclaves" => Value::Array(self.running()),
            "terminate-enclave" => self.terminate(value("--enclave-id").unwrap()),
            "console" => return self.console(value("--enclave-id").unwrap()),
            "run-enclave" => self.run(
                value("--enclave-name").unwrap(),
                value("--eif-path").unwrap(),
                value("--memory").unwrap().parse().unwrap(),
                value("--cpu-count").unwrap().parse().unwrap(),
                value("--enclave-cid").unwrap().parse().unwrap(),
                arguments.iter().any(|argument| argument == "--debug-mode"),
            ),
            _ => panic!("{command}"),
        };
        if told("late").is_ok() {
            thread::sleep(LONG);
        }
        match told("print") {
            Ok(text) => print!("{text}"),
            Err(_) => println!("{answer:#}"),
        }
    }

    #[expect(
        clippy::zombie_processes,
        reason = "an enclave outlives the call that starts it"
    )]
    fn run(&self, name: &str, eif: &str, memory: u64, cpus: u64, cid: u32, debug: bool) -> Value {
        eprintln!("Start allocating memory...");
        let running = self.running();
        let taken = |what: &str| {
            running
                .iter()
                .map(|enclave| enclave[what].as_u64().unwrap())
                .sum::<u64>()
        };
        let pool = |what: &str| -> u64 {
            let text = fs::read_to_string(self.folder.join(what)).unwrap_or("4096".into());
            text.trim().parse().unwrap()
        };
        if taken("MemoryMiB") + memory > pool("memory") {
            fail(
                27,
                &format!(
                    "Insufficient memory available. User provided `memory` is {memory} MB, which is more than the \
                 available hugepage memory."
                ),
            );
        }
        if taken("NumberOfCPUs") + cpus > pool("cpus") {
            fail(
                29,
                "Ioctl failure. Such error is used as a general ioctl error.",
            );
        }
        // As the listener for the heartbeat.
        let port = File::create(self.folder.join("port-9000")).unwrap();
        if port.try_lock().is_err() {
            fail(36, "Enclave boot failure.");
        }
        let mut unused = 1;
        while self.path(&format!("i-0123-enc{unused}"), "lock").exists() {
            unused += 1;
        }
        let id = format!("i-0123-enc{unused}");
        let names: Vec<&str> = running
            .iter()
            .map(|enclave| enclave["EnclaveName"].as_str().unwrap())
            .collect();
        let name = match names.contains(&name) {
            true => format!("{name}_1"),
            false => name.to_owned(),
        };
        let text = fs::read_to_string(eif).unwrap();
        fs::write(self.path(&id, "text"), &text).unwrap();
        fs::write(self.path(&id, "alive"), "").unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .arg0("enclave")
            .args([self.folder.to_str().unwrap(), &id, &cid.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let started = json!({
            "EnclaveName": name, "EnclaveID": id, "ProcessID": child.id(), "EnclaveCID": cid,
            "NumberOfCPUs": cpus, "CPUIDs": [1, 3], "MemoryMiB": memory,
        });
        let mut described = started.clone();
        described["State"] = "RUNNING".into();
        described["Flags"] = if debug { "DEBUG_MODE" } else { "NONE" }.into();
        described["Measurements"] =
            json!({ "HashAlgorithm": "Sha384 { ... }", "PCR0": pcr0(&text) });
        fs::write(self.path(&id, "json"), described.to_string()).unwrap();
        await_that(|| self.path(&id, "booted").exists());
        started
    }

    fn terminate(&self, id: &str) -> Value {
        if !self.is_running(id) {
            fail(11, "Socket error.");
        }
        fs::remove_file(self.path(id, "alive")).unwrap();
        self.await_end(id);
        eprintln!("Successfully terminated enclave {id}.");
        json!({ "EnclaveID": id, "Terminated": true })
    }

    fn console(&self, id: &str) {
        println!("Successfully connected to the console.");
        print!(
            "{}",
            fs::read_to_string(self.folder.join("console")).unwrap_or_default()
        );
        std::io::stdout().flush().unwrap();
        self.await_end(id);
    }

    fn is_running(&self, id: &str) -> bool {
        let lock = File::open(self.path(id, "lock")).unwrap();
        // Held by the enclave's process, however that ends.
        self.path(id, "alive").exists()
            && matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    fn await_end(&self, id: &str) {
        await_that(|| {
            File::open(self.path(id, "lock"))
                .unwrap()
                .try_lock_shared()
                .is_ok()
        });
    }

    fn path(&self, id: &str, what: &str) -> PathBuf {
        self.folder.join(format!("{id}.{what}"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for enclave in self.running() {
            self.kill(enclave["EnclaveID"].as_str().unwrap());
        }
    }
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(120);

fn describe_image(eif: &str) -> Value {
    let text = fs::read_to_string(eif).unwrap();
    json!({
        "EifVersion": 4,
        "Measurements": { "HashAlgorithm": "Sha384 { ... }", "PCR0": pcr0(&text) },
        "IsSigned": false,
        "CheckCRC": !text.starts_with("damaged"),
    })
}

fn fail(code: u8, said: &str) -> ! {
    eprintln!("[ E{code} ] {said}\n\nFor more details, please visit a page.");
    eprintln!("Failed connections: 1\n[ E39 ] Enclave process connection failure.");
    exit(39);
}

fn await_that(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
}

fn enclave(folder: &Path, id: &str, cid: &str) {
    let text = fs::read_to_string(folder.join(format!("{id}.text"))).unwrap();
    let lock = File::create(folder.join(format!("{id}.lock"))).unwrap();
    lock.lock().unwrap();
    if !matches!(text.as_str(), "dies" | "silent") {
        let socket = folder.join(format!("{cid}.sock"));
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(socket).unwrap();
        let text = text.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let text = text.clone();
                thread::spawn(move || session(client.unwrap(), &text));
            }
        });
    }
    fs::write(folder.join(format!("{id}.booted")), "").unwrap();
    let begun = Instant::now();
    let alive = folder.join(format!("{id}.alive"));
    while alive.exists() && begun.elapsed() < LONG {
        if text == "dies" && begun.elapsed() > Duration::from_millis(50) {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Says which image it is, and then sends back what comes.
fn session(mut client: UnixStream, text: &str) {
    let mut buffer = [0; 64];
    let mut sent = client.write_all(text.as_bytes());
    while sent.is_ok() {
        sent = match client.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => client.write_all(&buffer[..length]),
        };
    }
}
