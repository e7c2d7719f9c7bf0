//! Promoting, going back, uploads, shadows, restarts.
