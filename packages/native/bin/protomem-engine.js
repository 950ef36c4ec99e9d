#!/usr/bin/env node
// Committed, unlike dist, so that package managers find the target of `bin` before the first build.
import '../dist/cli.js';
