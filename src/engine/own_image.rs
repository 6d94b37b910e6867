//! Images that vv makes of itself: of stand-ins and of helpers, one for each version of vv.

use std::time::Duration;

use super::{Engine, EngineError};

/// One that was made more lately than this may be another process's, which is about to use it.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// Loads it from an archive that has it. Older ones of its repository that no container uses go.
pub async fn load(engine: &dyn Engine, image: &str, archive: Vec<u8>) -> Result<(), EngineError> {
    engine.load_image(image, archive).await?;
    // What stays takes room on the disk and harms nothing.
    let _ = engine.prune_images(image, FRESH).await;
    Ok(())
}
