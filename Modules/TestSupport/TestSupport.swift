/// TestSupport
