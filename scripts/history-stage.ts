import type { Client, WorkflowHandle } from '@temporalio/client'
import type { ProjectId } from '../domain/ids.ts'
import type { PlayedActivities } from '../test/support/played-activities.ts'
import type { RecordedRun } from './history-stories/telling.ts'

/** Where a story says itself what each activity answers: the server and the workflows are real, records and Stripe are not. */
export interface PlayedStage {
  /** Of the story, and of its history unless the story names others. */
  name: string
  client: Client
  projectId: ProjectId
  /** What the activities do from here on. */
  play(activities: PlayedActivities): void
}

/** Tells one life, and which of its workflows are kept. */
export type PlayedStory = (stage: PlayedStage) => Promise<WorkflowHandle | RecordedRun[]>
