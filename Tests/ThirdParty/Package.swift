// swift-tools-version: 6.2
import PackageDescription

// A backend as a stranger writes it along Docs/Backends.md: a package of its own that depends on the header alone.
let package = Package(
  name: "ThirdParty",
  platforms: [.macOS(.v15)],
  products: [.library(name: "Rectifier", type: .dynamic, targets: ["Rectifier"])],
  dependencies: [.package(name: "Mezzo", path: "../..")],
  targets: [
    .target(
      name: "Rectifier", dependencies: [.product(name: "CMezzoABI", package: "Mezzo")],
      cSettings: [.unsafeFlags(["-O3", "-fvisibility=hidden"])],
      linkerSettings: [.unsafeFlags(["-static-stdlib", "-nostartfiles", "-use-ld=lld"], .when(platforms: [.linux]))])
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
