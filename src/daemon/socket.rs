//! The socket in the state folder, and who is at its other end.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::{Uid, User};
use tokio::net::{UnixListener, UnixStream};

use crate::service::ServiceError;

/// The socket's name in the state folder.
pub const SOCKET: &str = "anteroom.sock";

/// Listens in the state folder. The socket of a daemon that died is removed; the folder's owner and
/// group may connect, and which of them may do what the settings say.
///
/// # Errors
/// When a daemon answers there already, or the socket cannot be made.
pub async fn bind(dir: &Path) -> Result<UnixListener, ServiceError> {
    let path = dir.join(SOCKET);
    let failed =
        |what: std::io::Error| ServiceError::Settings(format!("the socket {} cannot be made: {what}", path.display()));
    match UnixStream::connect(&path).await {
        Ok(_) => {
            return Err(ServiceError::Settings(format!(
                "a daemon already serves {}: stop it first, or use it",
                dir.display()
            )));
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(&path).map_err(failed)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

/// The login of the process at the other end, as the kernel says.
///
/// # Errors
/// When the kernel does not say, or the user has no name on this machine.
pub fn login_of(stream: &UnixStream) -> Result<String, ServiceError> {
    let uid = stream
        .peer_cred()
        .map_err(|error| ServiceError::Refused(format!("the system does not say who you are: {error}")))?
        .uid();
    name_of(Uid::from_raw(uid))
}

/// The login of this process.
///
/// # Errors
/// When the user has no name on this machine.
pub fn own_login() -> Result<String, ServiceError> {
    name_of(Uid::effective())
}

fn name_of(uid: Uid) -> Result<String, ServiceError> {
    match User::from_uid(uid) {
        Ok(Some(user)) => Ok(user.name),
        _ => Err(ServiceError::Refused(format!("user number {uid} has no login on this machine"))),
    }
}
