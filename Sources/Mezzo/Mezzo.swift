// One import for users: every module below, under its own name.
@_exported public import MezzoBackend
@_exported public import MezzoCheckpoint
@_exported public import MezzoGraph
@_exported public import MezzoLayers
@_exported public import MezzoPlugins
@_exported public import MezzoPolicy
@_exported public import MezzoRuntime
@_exported public import MezzoTraining
