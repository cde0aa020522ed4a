import * as fc from 'fast-check'
import { SEED } from './subjects.ts'

// A mutant that only some seeds kill would come and go. That a property fails is enough: nobody reads the smallest example.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED, endOnFailure: true })
