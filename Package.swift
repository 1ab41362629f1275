// swift-tools-version: 6.2
import PackageDescription

/// CI sets it; a user's build must not fail because a later compiler warns about something new.
let isStrict = Context.environment["MEZZO_STRICT"] != nil

let swift: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
  ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

/// What tests spend their time in, optimized in debug too: operations case by case, and the planning of graphs.
let quick: [SwiftSetting] = swift + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let strictC: [CSetting] = isStrict ? [.treatAllWarnings(as: .error)] : []

/// Kernels are built with optimization in debug too, so that tests stay quick.
let kernels: [CSetting] = [.unsafeFlags(["-O3"])] + strictC

/// A plugin needs no Swift runtime and exports its one entry point alone.
let plugin: [CSetting] = [.unsafeFlags(["-O3", "-fvisibility=hidden"])] + strictC
let pluginLinker: [LinkerSetting] = [
  .unsafeFlags(["-static-stdlib", "-nostartfiles", "-use-ld=lld"], .when(platforms: [.linux]))
]

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "Mezzo",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Mezzo", targets: ["Mezzo"]),
    .library(name: "MezzoModels", targets: ["MezzoModels"]),
    .library(name: "MezzoConformance", targets: ["MezzoConformance"]),
    .library(name: "CMezzoABI", targets: ["CMezzoABI"]),
    .library(name: "MezzoOneDNN", type: .dynamic, targets: ["OneDNNPlugin"]),
    .library(name: "MezzoCTemplate", type: .dynamic, targets: ["CTemplatePlugin"]),
    .library(name: "MezzoCalls", type: .dynamic, targets: ["CallsPlugin"]),
    .executable(name: "mezzo", targets: ["MezzoCommand"]),
    .executable(name: "mezzo-probe", targets: ["MezzoProbe"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.5.0"),
  ],
  targets: [
    // The policy core: no tensor is known here.
    .target(name: "MezzoPolicy", swiftSettings: quick),

    // Whole files, whichever target reads or writes them.
    .target(name: "MezzoFiles", swiftSettings: swift),

    // The backend protocol.
    .target(name: "CMezzoABI", cSettings: strictC),
    .target(name: "MezzoBackend", dependencies: ["CMezzoABI", "MezzoPolicy"], swiftSettings: quick),

    // Graphs, and the two ways to a backend: linked in, and opened at run time.
    .target(name: "MezzoGraph", dependencies: ["MezzoBackend", "MezzoPolicy"], swiftSettings: quick),
    .target(name: "CMezzoBuiltin", dependencies: ["CMezzoABI"], cSettings: kernels),
    .target(name: "MezzoBuiltin", dependencies: ["CMezzoABI", "CMezzoBuiltin"], swiftSettings: swift),
    .systemLibrary(name: "CMezzoFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"]), .brew(["libffi"])]),
    .target(name: "CMezzoManifests", cSettings: strictC),
    .target(
      name: "MezzoPlugins",
      dependencies: [
        "CMezzoABI", "CMezzoFFI", "CMezzoHost", "CMezzoManifests", "MezzoBackend", "MezzoFiles", "MezzoPolicy",
        log,
      ],
      swiftSettings: swift),
    .target(name: "CMezzoHost", cSettings: kernels),

    // Route, plan, run.
    .target(
      name: "MezzoRuntime",
      dependencies: [
        "CMezzoABI", "CMezzoHost", "MezzoBackend", "MezzoBuiltin", "MezzoFiles", "MezzoGraph", "MezzoPlugins",
        "MezzoPolicy", log,
      ],
      swiftSettings: quick),

    // Layers, training, files.
    .target(
      name: "MezzoLayers", dependencies: ["MezzoBackend", "MezzoGraph", "MezzoPolicy", "MezzoRuntime", log],
      swiftSettings: swift),
    .systemLibrary(name: "CMezzoZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .yum(["zlib-devel"])]),
    .target(
      name: "MezzoCheckpoint",
      dependencies: [
        "CMezzoZlib", "MezzoBackend", "MezzoFiles", "MezzoGraph", "MezzoLayers", "MezzoPolicy", "MezzoRuntime",
      ],
      swiftSettings: swift),
    .target(name: "CMezzoDigits", exclude: ["data"], cSettings: strictC),
    .target(
      name: "MezzoTraining",
      dependencies: [
        "CMezzoDigits", "CMezzoZlib", "MezzoBackend", "MezzoCheckpoint", "MezzoFiles", "MezzoGraph", "MezzoLayers",
        "MezzoPolicy", "MezzoRuntime", log,
      ], swiftSettings: swift),
    .target(
      name: "MezzoModels",
      dependencies: [
        "MezzoBackend", "MezzoCheckpoint", "MezzoFiles", "MezzoGraph", "MezzoLayers", "MezzoPolicy", "MezzoRuntime",
      ],
      swiftSettings: swift),

    // What people import, run, and test their backends with.
    .target(
      name: "Mezzo",
      dependencies: [
        "MezzoBackend", "MezzoCheckpoint", "MezzoGraph", "MezzoLayers", "MezzoPlugins", "MezzoPolicy", "MezzoRuntime",
        "MezzoTraining",
      ], swiftSettings: swift),
    .target(
      name: "MezzoConformance",
      dependencies: [
        "CMezzoABI", "CMezzoHost", "MezzoBackend", "MezzoCheckpoint", "MezzoGraph", "MezzoLayers", "MezzoPlugins",
        "MezzoPolicy", "MezzoRuntime",
      ], swiftSettings: quick),
    // What other systems did, case by case, put to Mezzo.
    .target(
      name: "MezzoGolden",
      dependencies: [
        "MezzoBackend", "MezzoCheckpoint", "MezzoGraph", "MezzoLayers", "MezzoPolicy", "MezzoRuntime", "MezzoTraining",
      ], swiftSettings: swift),
    .target(name: "CMezzoTemplates", exclude: ["project"], cSettings: strictC),
    .executableTarget(
      name: "MezzoCommand",
      dependencies: [
        "CMezzoHost", "CMezzoTemplates", "Mezzo", "MezzoCheckpoint", "MezzoConformance", "MezzoGolden", "MezzoLayers",
        "MezzoModels", "MezzoPlugins", "MezzoPolicy", "MezzoRuntime", arguments, log,
      ],
      swiftSettings: swift),

    .executableTarget(
      name: "MezzoProbe",
      dependencies: [
        "CMezzoABI", "CMezzoHost", "MezzoBackend", "MezzoConformance", "MezzoPlugins", "MezzoPolicy", "MezzoRuntime",
      ],
      swiftSettings: swift),

    // Backends that are opened at run time. No target may depend on them.
    .target(
      name: "OneDNNPlugin", dependencies: ["CMezzoABI"], path: "Plugins/OneDNN", publicHeadersPath: ".",
      cSettings: plugin, linkerSettings: pluginLinker),
    .target(
      name: "CTemplatePlugin", dependencies: ["CMezzoABI"], path: "Plugins/CTemplate", publicHeadersPath: ".",
      cSettings: plugin, linkerSettings: pluginLinker),
    // What a call costs is measured on it.
    .target(
      name: "CallsPlugin", dependencies: ["CMezzoABI"], path: "Plugins/Calls", publicHeadersPath: ".",
      cSettings: plugin, linkerSettings: pluginLinker),

    // One folder of tests a module; each runs alone with `swift test --filter <folder>`.
    .testTarget(name: "MezzoPolicyTests", dependencies: ["CMezzoHost", "MezzoPolicy"], swiftSettings: swift),
    .testTarget(name: "MezzoFilesTests", dependencies: ["MezzoFiles"], swiftSettings: swift),
    .testTarget(
      name: "MezzoBackendTests", dependencies: ["CMezzoABI", "CMezzoHost", "MezzoBackend", "MezzoPolicy"],
      swiftSettings: swift),
    .testTarget(
      name: "MezzoGraphTests", dependencies: ["MezzoBackend", "MezzoGraph", "MezzoPolicy"], swiftSettings: swift),
    .testTarget(
      name: "MezzoPluginsTests",
      dependencies: ["CMezzoABI", "CMezzoFFI", "CMezzoHost", "MezzoBackend", "MezzoPlugins", "MezzoPolicy"],
      swiftSettings: swift),
    .testTarget(
      name: "MezzoBuiltinTests",
      dependencies: [
        "CMezzoABI", "CMezzoBuiltin", "CMezzoHost", "MezzoBackend", "MezzoBuiltin", "MezzoConformance", "MezzoGraph",
        "MezzoPlugins", "MezzoPolicy", "MezzoRuntime",
      ], swiftSettings: swift),
    .testTarget(
      name: "MezzoRuntimeTests",
      dependencies: [
        "CMezzoABI", "CMezzoHost", "MezzoBackend", "MezzoFiles", "MezzoGraph", "MezzoPlugins", "MezzoPolicy",
        "MezzoRuntime",
      ],
      swiftSettings: swift),
    .testTarget(
      name: "MezzoConformanceTests",
      dependencies: [
        "CMezzoABI", "CMezzoHost", "MezzoBackend", "MezzoCheckpoint", "MezzoConformance", "MezzoGraph", "MezzoLayers",
        "MezzoPlugins", "MezzoPolicy", "MezzoRuntime",
      ], swiftSettings: swift),
    .testTarget(
      name: "MezzoGoldenTests", dependencies: ["CMezzoHost", "MezzoGolden", "MezzoPolicy"],
      resources: [.copy("Resources")], swiftSettings: swift),
    .testTarget(name: "MezzoTests", swiftSettings: swift),
    .testTarget(
      name: "MezzoLayersTests",
      dependencies: ["CMezzoHost", "MezzoBackend", "MezzoGraph", "MezzoLayers", "MezzoPolicy", "MezzoRuntime"],
      swiftSettings: swift),
    .testTarget(
      name: "MezzoTrainingTests",
      dependencies: [
        "CMezzoHost", "CMezzoZlib", "MezzoBackend", "MezzoCheckpoint", "MezzoGraph", "MezzoLayers", "MezzoPolicy",
        "MezzoRuntime", "MezzoTraining",
      ], exclude: ["Tools"], resources: [.copy("Resources")], swiftSettings: swift),
    .testTarget(
      name: "MezzoCheckpointTests",
      dependencies: [
        "CMezzoHost", "MezzoBackend", "MezzoCheckpoint", "MezzoGraph", "MezzoLayers", "MezzoPolicy", "MezzoRuntime",
      ],
      exclude: ["Tools"], resources: [.copy("Resources")], swiftSettings: swift),
    .testTarget(
      name: "MezzoModelsTests",
      dependencies: [
        "CMezzoHost", "MezzoBackend", "MezzoCheckpoint", "MezzoGraph", "MezzoLayers", "MezzoModels", "MezzoPolicy",
        "MezzoRuntime",
      ], exclude: ["Tools"], resources: [.copy("Resources")], swiftSettings: swift),
    .testTarget(
      name: "MezzoProbeTests",
      dependencies: [
        "CMezzoABI", "CMezzoHost", "MezzoBackend", "MezzoGraph", "MezzoLayers", "MezzoPlugins", "MezzoPolicy",
        "MezzoProbe",
        "MezzoRuntime", "MezzoTraining",
      ], swiftSettings: swift),
    .testTarget(
      name: "MezzoCommandTests",
      dependencies: ["CMezzoHost", "Mezzo", "MezzoCheckpoint", "MezzoCommand", "MezzoTraining"],
      swiftSettings: swift),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
