// swift-tools-version: 6.2
import PackageDescription

// A program that embeds Mezzo, as its users have it: a package of its own that depends on Mezzo's products.
let package = Package(
  name: "Embedding",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "Mezzo", path: "../..")],
  targets: [
    .executableTarget(
      name: "Snippet",
      dependencies: [
        .product(name: "Mezzo", package: "Mezzo"), .product(name: "MezzoOneDNN", package: "Mezzo"),
        .product(name: "mezzo-probe", package: "Mezzo"),
      ]),
    .testTarget(name: "EmbeddingTests", dependencies: ["Snippet"]),
  ],
  swiftLanguageModes: [.v6]
)
