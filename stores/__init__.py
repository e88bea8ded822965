"""MongoDB: settings, server, documents, revisions, runs, queries; knows no science."""
