// What the files in a run's folder are called.
#pragma once

namespace duel::gan::run_files {

// what train() writes
inline constexpr const char* config = "config.json";
inline constexpr const char* metrics = "metrics.csv";
inline constexpr const char* reals = "reals.png";
inline constexpr const char* networks = "networks.safetensors";
inline constexpr const char* samples = "samples";  ///< a folder
inline constexpr const char* checkpoints = "checkpoints";
inline constexpr const char* latest = "latest.safetensors";    ///< in `checkpoints`
inline constexpr const char* healthy = "healthy.safetensors";  ///< likewise, of a run that rolls back

// what observers write
inline constexpr const char* about = "about.json";
inline constexpr const char* norms = "norms.csv";
inline constexpr const char* vitals = "vitals.csv";
inline constexpr const char* diagnosis = "diagnosis.csv";
inline constexpr const char* quality = "quality.csv";
inline constexpr const char* report = "report.html";
inline constexpr const char* losses = "losses.png";
inline constexpr const char* tensorboard = "tensorboard";  ///< a folder

// and --profile
inline constexpr const char* trace = "trace.json";

}  // namespace duel::gan::run_files
