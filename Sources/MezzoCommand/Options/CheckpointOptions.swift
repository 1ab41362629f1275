import ArgumentParser
import Mezzo

/// Whether and where `train` keeps checkpoints.
struct CheckpointOptions: ParsableArguments {
  @Option(
    name: .customLong("checkpoint"),
    help: ArgumentHelp(
      """
      Keep checkpoints in this directory: last.safetensors after every epoch and when the training is interrupted, \
      best.safetensors after the epoch with the smallest test loss.
      """, valueName: "directory"))
  var folder: String?

  @Option(
    name: .customLong("checkpoint-every"),
    help: ArgumentHelp("Write last.safetensors also after every so many steps of an epoch.", valueName: "steps"),
    transform: Arguments.positive)
  var everySteps: Int?

  @Flag(help: "Go on from --checkpoint's last.safetensors, bit for bit as if it had not ended; without one begin anew.")
  var resume = false

  func validate() throws {
    if folder == nil, resume || everySteps != nil {
      throw ValidationError("--resume and --checkpoint-every want --checkpoint with a directory")
    }
  }

  var checkpoint: ModelCheckpoint? {
    folder.map { ModelCheckpoint($0, everySteps: everySteps, monitor: "val_loss") }
  }
}
