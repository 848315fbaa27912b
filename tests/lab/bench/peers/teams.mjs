// The same schema, reads and conditional write for each peer: addUserToTeam as Team Joiner writes
// it, with its index, validator and write concern. Nothing else of Team Joiner is here.
import { MongoClient, ObjectId } from 'mongodb';

export const typeDefs = `
  type Query {
    team(id: ID!): Team
    teams(first: Int!): TeamConnection!
  }
  type Mutation {
    addUserToTeam(input: AddUserToTeamInput!): AddUserToTeamPayload!
  }
  type Team { id: ID!  name: String!  version: Int!  memberCount: Int! }
  type TeamConnection { edges: [TeamEdge!]! }
  type TeamEdge { node: Team! }
  input AddUserToTeamInput { teamId: ID!  userId: ID! }
  union AddUserToTeamPayload = AddUserToTeamSuccess | Refused
  interface Problem { message: String! }
  type AddUserToTeamSuccess { team: Team! }
  type Refused implements Problem { message: String! }
`;

const [uri, database] = process.argv.slice(2);
const client = await MongoClient.connect(uri, {
  writeConcern: { w: 'majority', j: true },
  readConcern: { level: 'majority' },
});
const teams = client.db(database).collection('teams');

const DUPLICATE_KEY = 11000;
const FIELDS = { name: 1, version: 1, memberCount: { $size: '$userIds' } };

const refused = (message) => ({ __typename: 'Refused', message });
const shown = ({ _id, ...team }) => ({ id: _id.toHexString(), ...team });

async function addUserToTeam(_, { input: { teamId, userId } }) {
  const now = new Date();
  try {
    const team = await teams.findOneAndUpdate(
      {
        _id: new ObjectId(teamId),
        userIds: { $ne: userId },
        $expr: { $lt: [{ $size: '$userIds' }, { $ifNull: ['$capacity', 1000] }] },
        deletedAt: null,
      },
      {
        $push: { userIds: userId },
        $set: {
          lastChange: {
            kind: 'UserJoinedTeam', userId, actorId: null, at: now, requestId: null,
          },
          updatedAt: now,
        },
        $inc: { version: 1 },
      },
      {
        projection: { name: 1, version: 1, capacity: 1, createdAt: 1, updatedAt: 1 },
        returnDocument: 'after',
      },
    );
    if (team) return { __typename: 'AddUserToTeamSuccess', team: shown(team) };
    return refused('The team is not there, is full, or has this member.');
  } catch (error) {
    if (error.code === DUPLICATE_KEY) return refused('The user is on another team.');
    throw error;
  }
}

async function team(_, { id }) {
  const found = await teams.findOne(
    { _id: new ObjectId(id), deletedAt: null },
    { projection: FIELDS },
  );
  return found && shown(found);
}

async function page(_, { first }) {
  const found = await teams
    .find({ deletedAt: null }, { projection: FIELDS })
    .sort({ createdAt: 1, _id: 1 })
    .limit(first)
    .toArray();
  return { edges: found.map((each) => ({ node: shown(each) })) };
}

export const resolvers = {
  Query: { team, teams: page },
  Mutation: { addUserToTeam },
};
